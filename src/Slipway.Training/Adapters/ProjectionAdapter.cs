using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Holds what is trained beside one matrix.</summary>
internal abstract class ProjectionAdapter : IDisposable
{
    /// <summary>The trained weights with the names that they have behind the module's path.</summary>
    public abstract IReadOnlyList<(string Name, Parameter Weight)> Parameters { get; }

    /// <summary>Projects [tokens, inputs] to [tokens, outputs], adapted.</summary>
    public abstract Tensor Apply(Projection projection, Tensor input);

    /// <summary>Computes the matrix that gives the same without the adapter: float32 [outputs, inputs]; null where
    /// there is none.</summary>
    /// <param name="weight">The matrix, float32 [outputs, inputs].</param>
    public abstract Tensor? Merged(Tensor weight);

    /// <summary>The bias that gives the same without the adapter.</summary>
    public virtual Tensor MergedBias(Tensor bias) => bias;

    public void Dispose()
    {
        foreach (var (_, weight) in Parameters)
        {
            weight.Dispose();
        }
    }

    private protected static Parameter Trained(Tensor value) => new(value.DetachFromDisposeScope());
}
