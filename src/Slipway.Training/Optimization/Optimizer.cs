using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

/// <summary>Steps weights by their gradients.</summary>
/// <remarks>
/// The state is plain tensors with names, so that a run that continues from them equals one that never stopped, bit
/// for bit. One thread at a time may use an instance.
/// </remarks>
public abstract class Optimizer : IDisposable
{
    private readonly Parameter[] _weights;

    /// <summary>Remembers the parameters; they stay the caller's.</summary>
    /// <param name="weights">All parameters that the optimizer steps.</param>
    private protected Optimizer(IEnumerable<Parameter> weights) => _weights = [.. weights];

    /// <summary>The number of steps taken.</summary>
    public abstract long Steps { get; set; }

    /// <summary>The running means by name; the optimizer owns them.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State { get; }

    /// <summary>Scales the gradients so that their joint norm is at most a limit.</summary>
    /// <param name="limit">The largest norm; infinity to measure only.</param>
    /// <returns>The norm before.</returns>
    public double ClipGradients(double limit)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var gradients = _weights.Select(weight => weight.grad).OfType<Tensor>().ToArray();
        double norm = stack([.. gradients.Select(gradient => gradient.norm())]).norm().item<float>();
        var scale = limit / (norm + 1e-6);
        if (scale < 1)
        {
            foreach (var gradient in gradients)
            {
                gradient.Scale(scale);
            }
        }

        return norm;
    }

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var weight in _weights)
        {
            weight.grad?.zero_();
        }
    }

    /// <summary>Steps every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="decay">The weight decay; a step shrinks a weight by rate times decay.</param>
    public abstract void Step(double rate, double decay);

    /// <summary>Releases the running means.</summary>
    public void Dispose()
    {
        foreach (var (_, value) in State)
        {
            value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    private protected static Tensor Zeros(Parameter weight) =>
        zeros_like(weight, requires_grad: false).DetachFromDisposeScope();
}
