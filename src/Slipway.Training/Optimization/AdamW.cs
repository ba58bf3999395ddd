using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights by Adam with decoupled weight decay (Loshchilov and Hutter, 2019).</summary>
/// <remarks>Decay applies to every parameter.</remarks>
public sealed class AdamW : Optimizer
{
    private readonly (string Name, Parameter Weight, Tensor Mean, Tensor Square)[] _rows;

    /// <summary>Creates the optimizer with an empty state. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    /// <param name="beta1">How much of the gradient's running mean a step keeps.</param>
    /// <param name="beta2">How much of the running mean of the squared gradient a step keeps.</param>
    /// <param name="epsilon">What is added to the root of the mean square.</param>
    public AdamW(
        IReadOnlyCollection<(string Name, Parameter Weight)> parameters,
        double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
        : base(parameters.Select(one => one.Weight))
    {
        (Beta1, Beta2, Epsilon) = (beta1, beta2, epsilon);
        _rows = [.. parameters.Select(one => (one.Name, one.Weight, Zeros(one.Weight), Zeros(one.Weight)))];
    }

    /// <summary>Share of the gradient's running mean that a step keeps.</summary>
    public double Beta1 { get; }

    /// <summary>Share of the running mean of the squared gradient that a step keeps.</summary>
    public double Beta2 { get; }

    /// <summary>Constant that is added to the root of the mean square.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override long Steps { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State => _rows.SelectMany(row =>
        new[] { ($"{row.Name}.exp_avg", row.Mean), ($"{row.Name}.exp_avg_sq", row.Square) });

    /// <inheritdoc/>
    public override void Step(double rate, double decay)
    {
        Steps++;
        var meanCorrection = 1 - Math.Pow(Beta1, Steps);
        var rootCorrection = Math.Sqrt(1 - Math.Pow(Beta2, Steps));
        using var untracked = no_grad();
        foreach (var (_, weight, mean, square) in _rows)
        {
            using var scope = NewDisposeScope();
            if (weight.grad is not { } gradient)
            {
                continue;
            }

            weight.Scale(1 - (rate * decay));
            mean.Scale(Beta1).Add(gradient, 1 - Beta1);
            square.Scale(Beta2).AddProduct(gradient, gradient, 1 - Beta2);
            weight.AddQuotient(mean, square.sqrt().Divide(rootCorrection).Add(Epsilon), -rate / meanCorrection);
        }
    }
}
