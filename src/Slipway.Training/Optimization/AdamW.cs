using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights by Adam with decoupled weight decay (Loshchilov and Hutter, 2019).</summary>
/// <remarks>
/// The state is plain tensors with names, so that a run that continues from them equals one that never stopped, bit
/// for bit. Decay applies to every parameter. One thread at a time may use an instance.
/// </remarks>
public sealed class AdamW : IDisposable
{
    private readonly (string Name, Parameter Weight, Tensor Mean, Tensor Square)[] _rows;

    /// <summary>Creates the optimizer with an empty state. The parameters stay the caller's.</summary>
    /// <param name="parameters">The parameters with their names.</param>
    /// <param name="beta1">How much of the gradient's running mean a step keeps.</param>
    /// <param name="beta2">How much of the running mean of the squared gradient a step keeps.</param>
    /// <param name="epsilon">What is added to the root of the mean square.</param>
    public AdamW(
        IEnumerable<(string Name, Parameter Weight)> parameters,
        double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        (Beta1, Beta2, Epsilon) = (beta1, beta2, epsilon);
        _rows = [.. parameters.Select(one => (one.Name, one.Weight,
            zeros_like(one.Weight, requires_grad: false).DetachFromDisposeScope(),
            zeros_like(one.Weight, requires_grad: false).DetachFromDisposeScope()))];
    }

    /// <summary>How much of the gradient's running mean a step keeps.</summary>
    public double Beta1 { get; }

    /// <summary>How much of the running mean of the squared gradient a step keeps.</summary>
    public double Beta2 { get; }

    /// <summary>What is added to the root of the mean square.</summary>
    public double Epsilon { get; }

    /// <summary>The number of steps taken.</summary>
    public long Steps { get; set; }

    /// <summary>The running means by name; the optimizer owns them.</summary>
    public IEnumerable<(string Name, Tensor Value)> State => _rows.SelectMany(row =>
        new[] { ($"{row.Name}.exp_avg", row.Mean), ($"{row.Name}.exp_avg_sq", row.Square) });

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var row in _rows)
        {
            row.Weight.grad?.zero_();
        }
    }

    /// <summary>Scales the gradients so that their joint norm is at most a limit.</summary>
    /// <param name="limit">The largest norm; infinity to measure only.</param>
    /// <returns>The norm before.</returns>
    public double ClipGradients(double limit)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var gradients = _rows.Select(row => row.Weight.grad).OfType<Tensor>().ToArray();
        double norm = stack([.. gradients.Select(gradient => gradient.norm())]).norm().item<float>();
        var scale = limit / (norm + 1e-6);
        if (scale < 1)
        {
            foreach (var gradient in gradients)
            {
                gradient.mul_(scale);
            }
        }

        return norm;
    }

    /// <summary>Steps every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="decay">The weight decay; a step shrinks a weight by rate times decay.</param>
    public void Step(double rate, double decay)
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

            weight.mul_(1 - (rate * decay));
            mean.mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
            square.mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
            weight.addcdiv_(mean, square.sqrt().div_(rootCorrection).add_(Epsilon), -rate / meanCorrection);
        }
    }

    /// <summary>Releases the running means.</summary>
    public void Dispose()
    {
        foreach (var row in _rows)
        {
            row.Mean.Dispose();
            row.Square.Dispose();
        }
    }
}
