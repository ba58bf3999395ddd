using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights against their gradients, without a state: plain stochastic gradient descent.</summary>
public sealed class Sgd : Optimizer
{
    private readonly Parameter[] _weights;

    /// <summary>Creates the optimizer. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    public Sgd(IReadOnlyCollection<(string Name, Parameter Weight)> parameters)
        : base(parameters.Select(one => one.Weight)) => _weights = [.. parameters.Select(one => one.Weight)];

    /// <inheritdoc/>
    public override long Steps { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State => [];

    /// <inheritdoc/>
    public override void Step(double rate, double decay)
    {
        Steps++;
        using var untracked = no_grad();
        foreach (var weight in _weights)
        {
            if (weight.grad is { } gradient)
            {
                weight.Scale(1 - (rate * decay)).Add(gradient, -rate);
            }
        }
    }
}
