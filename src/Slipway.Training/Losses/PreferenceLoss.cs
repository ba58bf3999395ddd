using Slipway.Training.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Slipway.Training.Losses;

/// <summary>Holds the log-probabilities that the loss of preferred and rejected answers is computed from.</summary>
/// <param name="Chosen">float32 [pairs]: the policy's, summed over the preferred answer's tokens.</param>
/// <param name="Rejected">float32 [pairs]: the same of the rejected answers.</param>
/// <param name="ChosenTokens">float32 [pairs]: tokens of the preferred answers.</param>
/// <param name="RejectedTokens">float32 [pairs]: tokens of the rejected answers.</param>
/// <param name="ReferenceChosen">float32 [pairs]: the reference model's of the preferred answers; null where the loss
/// needs none.</param>
/// <param name="ReferenceRejected">float32 [pairs]: the same of the rejected answers.</param>
public sealed record PreferencePairs(
    Tensor Chosen, Tensor Rejected, Tensor ChosenTokens, Tensor RejectedTokens,
    Tensor? ReferenceChosen = null, Tensor? ReferenceRejected = null);

/// <summary>Computes the loss of one method that learns from pairs of a preferred and a rejected answer.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public abstract record PreferenceLoss
{
    /// <summary>Tells whether the loss compares with a reference model.</summary>
    public virtual bool NeedsReference => true;

    /// <summary>Computes the loss of each pair.</summary>
    /// <returns>float32 [pairs]</returns>
    public Tensor Of(PreferencePairs pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (NeedsReference && (pairs.ReferenceChosen is null || pairs.ReferenceRejected is null))
        {
            throw new ArgumentException(
                $"'{GetType().Name}' compares with a reference model, whose log-probabilities are missing. Compute "
                + "them by the model that training starts from.", nameof(pairs));
        }

        using var scope = NewDisposeScope();
        return Compute(pairs).MoveToOuterDisposeScope();
    }

    private protected abstract Tensor Compute(PreferencePairs pairs);

    /// <summary>Computes how much more than the reference the policy prefers an answer.</summary>
    private protected static Tensor Margin(PreferencePairs pairs) =>
        pairs.Chosen - pairs.ReferenceChosen! - (pairs.Rejected - pairs.ReferenceRejected!);
}

/// <summary>DPO: <c>−log σ(β·margin)</c> (Rafailov and others, 2023).</summary>
/// <param name="Beta">β: how strongly the policy is held to the reference.</param>
/// <param name="ChosenWeight">α: the weight of the preferred answer's loss a token, which keeps it from becoming less
/// probable (RPO: Pang and others, 2024).</param>
public sealed record DpoLoss(double Beta = 0.1, double ChosenWeight = 0) : PreferenceLoss
{
    private protected override Tensor Compute(PreferencePairs pairs) =>
        -logsigmoid(Margin(pairs).Times(Beta)) - (pairs.Chosen / pairs.ChosenTokens).Times(ChosenWeight);
}

/// <summary>IPO: <c>(margin a token − 1 / 2β)²</c> (Azar and others, 2023).</summary>
/// <param name="Beta">β: half of the inverse of the margin that is aimed at.</param>
public sealed record IpoLoss(double Beta = 0.1) : PreferenceLoss
{
    private protected override Tensor Compute(PreferencePairs pairs)
    {
        var chosen = (pairs.Chosen - pairs.ReferenceChosen!) / pairs.ChosenTokens;
        var rejected = (pairs.Rejected - pairs.ReferenceRejected!) / pairs.RejectedTokens;
        return (chosen - rejected).Plus(-1 / (2 * Beta)).Squared();
    }
}

/// <summary>SimPO: <c>−log σ(β·difference of mean log-probabilities − γ)</c> (Meng and others, 2024).</summary>
/// <param name="Beta">β: scales the difference.</param>
/// <param name="Gamma">γ: the difference that is aimed at, scaled.</param>
public sealed record SimPoLoss(double Beta = 2, double Gamma = 0.5) : PreferenceLoss
{
    /// <inheritdoc/>
    public override bool NeedsReference => false;

    private protected override Tensor Compute(PreferencePairs pairs)
    {
        var difference = (pairs.Chosen / pairs.ChosenTokens) - (pairs.Rejected / pairs.RejectedTokens);
        return -logsigmoid(difference.Times(Beta).Plus(-Gamma));
    }
}

/// <summary>ORPO: the preferred answer's loss a token less <c>λ·log σ(log odds ratio)</c> (Hong and others,
/// 2024).</summary>
/// <param name="Lambda">λ: the weight of the odds ratio.</param>
public sealed record OrpoLoss(double Lambda = 0.1) : PreferenceLoss
{
    /// <inheritdoc/>
    public override bool NeedsReference => false;

    private protected override Tensor Compute(PreferencePairs pairs)
    {
        var (chosen, rejected) = (pairs.Chosen / pairs.ChosenTokens, pairs.Rejected / pairs.RejectedTokens);
        var odds = chosen - rejected - (log1p(-chosen.exp()) - log1p(-rejected.exp()));
        return -chosen - logsigmoid(odds).Times(Lambda);
    }
}

/// <summary>KTO: <c>1 − σ(β·(gain − reference point))</c>, turned round for rejected answers (Ethayarajh and others,
/// 2024).</summary>
/// <remarks>
/// The answers of a pair count as one desirable and one undesirable example, and a pair's loss is their mean. The
/// reference point is 0.
/// </remarks>
/// <param name="Beta">β: how strongly the policy is held to the reference.</param>
/// <param name="DesirableWeight">The weight of preferred answers.</param>
/// <param name="UndesirableWeight">The weight of rejected answers.</param>
public sealed record KtoLoss(double Beta = 0.1, double DesirableWeight = 1, double UndesirableWeight = 1)
    : PreferenceLoss
{
    private protected override Tensor Compute(PreferencePairs pairs)
    {
        var desirable = (-(pairs.Chosen - pairs.ReferenceChosen!).Times(Beta).sigmoid()).Plus(1);
        var undesirable = (-(pairs.ReferenceRejected! - pairs.Rejected).Times(Beta).sigmoid()).Plus(1);
        return desirable.Times(DesirableWeight).Plus(undesirable.Times(UndesirableWeight)).Over(2);
    }
}
