using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights by the sign of their momentum (Lion: Chen and others, 2023).</summary>
/// <remarks>
/// Every weight moves by the learning rate, so that rates are three to ten times smaller than those of
/// <see cref="AdamW"/>, and decays as much larger. Holds one number a weight. Decay applies to every parameter.
/// </remarks>
public sealed class Lion : Optimizer
{
    private readonly (string Name, Parameter Weight, Tensor Mean)[] _rows;

    /// <summary>Creates the optimizer with an empty state. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    /// <param name="beta1">The momentum's share of what the sign is taken of; the gradient has the rest.</param>
    /// <param name="beta2">How much of the momentum a step keeps.</param>
    public Lion(
        IReadOnlyCollection<(string Name, Parameter Weight)> parameters, double beta1 = 0.9, double beta2 = 0.99)
        : base(parameters.Select(one => one.Weight))
    {
        (Beta1, Beta2) = (beta1, beta2);
        _rows = [.. parameters.Select(one => (one.Name, one.Weight, Zeros(one.Weight)))];
    }

    /// <summary>Share of the momentum in what the sign is taken of.</summary>
    public double Beta1 { get; }

    /// <summary>Share of the momentum that a step keeps.</summary>
    public double Beta2 { get; }

    /// <inheritdoc/>
    public override long Steps { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State =>
        _rows.Select(row => ($"{row.Name}.exp_avg", row.Mean));

    /// <inheritdoc/>
    public override void Step(double rate, double decay)
    {
        Steps++;
        using var untracked = no_grad();
        foreach (var (_, weight, mean) in _rows)
        {
            using var scope = NewDisposeScope();
            if (weight.grad is not { } gradient)
            {
                continue;
            }

            var direction = mean.Times(Beta1).Add(gradient, 1 - Beta1).sign_();
            weight.Scale(1 - (rate * decay)).Add(direction, -rate);
            mean.Scale(Beta2).Add(gradient, 1 - Beta2);
        }
    }
}
