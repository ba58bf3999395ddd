using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes the losses of policies that learn from rewards: PPO's and GRPO's.</summary>
/// <remarks>Tensors are [sequences, tokens]; a mask holds 1 for the tokens of answers. Thread-safe.</remarks>
public static class PolicyLoss
{
    /// <summary>Computes <c>−min(r·A, clip(r, 1 ± ε)·A)</c> with <c>r = exp(log p − old log p)</c> (Schulman and
    /// others, 2017).</summary>
    /// <param name="logProbabilities">The policy's log-probabilities.</param>
    /// <param name="old">Those of the policy that wrote the answers.</param>
    /// <param name="advantages">How much better each token was than expected.</param>
    /// <param name="clip">ε: how far a step may leave the old policy.</param>
    public static Tensor Clipped(Tensor logProbabilities, Tensor old, Tensor advantages, double clip)
    {
        ArgumentNullException.ThrowIfNull(logProbabilities);
        using var scope = NewDisposeScope();
        var ratio = (logProbabilities - old).exp();
        return (-minimum(ratio * advantages, ratio.Within(1 - clip, 1 + clip) * advantages)).MoveToOuterDisposeScope();
    }

    /// <summary>Computes half of the larger squared error of values and of values that are held near the old
    /// ones.</summary>
    /// <param name="values">The values of the positions before the tokens.</param>
    /// <param name="old">Those at the time when the answers were written.</param>
    /// <param name="returns">What the values should have been.</param>
    /// <param name="clip">How far values may leave the old ones.</param>
    public static Tensor ClippedValues(Tensor values, Tensor old, Tensor returns, double clip)
    {
        ArgumentNullException.ThrowIfNull(values);
        using var scope = NewDisposeScope();
        var held = old.Plus((values - old).Within(-clip, clip));
        return maximum((values - returns).Squared(), (held - returns).Squared()).Over(2).MoveToOuterDisposeScope();
    }

    /// <summary>Estimates the divergence from a reference, never below 0: <c>exp(d) − d − 1</c> for
    /// <c>d = reference − policy</c> (Schulman's k3).</summary>
    public static Tensor Divergence(Tensor logProbabilities, Tensor reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        using var scope = NewDisposeScope();
        var difference = reference - logProbabilities;
        return (difference.exp() - difference).Plus(-1).MoveToOuterDisposeScope();
    }

    /// <summary>Computes advantages and returns from rewards and values, last token first (GAE: Schulman and others,
    /// 2016).</summary>
    /// <param name="rewards">[sequences, tokens] of answers alone.</param>
    /// <param name="values">The same shape.</param>
    /// <param name="gamma">How much a later reward counts.</param>
    /// <param name="lambda">How far advantages look beyond the next value.</param>
    public static (Tensor Advantages, Tensor Returns) Generalized(
        Tensor rewards, Tensor values, double gamma, double lambda)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(values);
        using var scope = NewDisposeScope();
        var columns = new Tensor[rewards.shape[1]];
        var (next, advantage) = (zeros(rewards.shape[0]), zeros(rewards.shape[0]));
        for (var token = columns.Length - 1; token >= 0; token--)
        {
            var value = values.select(1, token);
            var error = rewards.select(1, token).Plus(next.Times(gamma)) - value;
            advantage = error.Plus(advantage.Times(gamma * lambda));
            (columns[token], next) = (advantage, value);
        }

        var advantages = stack(columns, 1);
        return (advantages.MoveToOuterDisposeScope(), advantages.Plus(values).MoveToOuterDisposeScope());
    }

    /// <summary>Brings advantages to a mean of 0 and a deviation of 1.</summary>
    public static Tensor Whitened(Tensor advantages)
    {
        ArgumentNullException.ThrowIfNull(advantages);
        using var scope = NewDisposeScope();
        return ((advantages - advantages.mean()) / advantages.std(unbiased: false).Plus(1e-8))
            .MoveToOuterDisposeScope();
    }

    /// <summary>Compares rewards with those of the same prompt: less their mean, by their deviation (Shao and others,
    /// 2024).</summary>
    /// <param name="rewards">[sequences]; consecutive ones belong to a prompt.</param>
    /// <param name="group">The number of answers of a prompt.</param>
    /// <returns>[sequences]</returns>
    public static Tensor GroupAdvantages(Tensor rewards, int group)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        using var scope = NewDisposeScope();
        var groups = rewards.view(-1, group);
        return ((groups - groups.mean([1], keepdim: true)) / groups.std(1, unbiased: true, keepdim: true).Plus(1e-4))
            .view(-1).MoveToOuterDisposeScope();
    }
}
