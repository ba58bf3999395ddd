using Slipway.Training.Models;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Methods;

/// <summary>Trains the common model on data that only this client sees.</summary>
/// <remarks>
/// The one place where a model leaves the server: a client in another process takes and answers weights behind the
/// same interface.
/// </remarks>
public interface IFederatedClient
{
    /// <summary>The client's name, for messages.</summary>
    string Name { get; }

    /// <summary>The client's share in averages, such as the number of its examples; positive.</summary>
    double Weight { get; }

    /// <summary>Trains the model in place from the common weights.</summary>
    /// <param name="model">The model, as the server sends it.</param>
    /// <param name="round">The round, counted from 0.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    void Train(CausalLanguageModel model, int round, CancellationToken cancellationToken);
}

/// <summary>A client of this process, which takes steps of plain gradient descent.</summary>
/// <param name="name">The client's name.</param>
/// <param name="weight">The client's share in averages.</param>
/// <param name="steps">The steps of a round.</param>
/// <param name="rate">The learning rate.</param>
/// <param name="loss">Computes the loss of a step, counted over all rounds.</param>
public sealed class ModelClient(
    string name, double weight, int steps, double rate, Func<CausalLanguageModel, long, Tensor> loss) : IFederatedClient
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public double Weight => weight;

    /// <inheritdoc/>
    public void Train(CausalLanguageModel model, int round, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var optimizer = new Sgd(model.TrainableParameters);
        for (var step = 0; step < steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            loss(model, ((long)round * steps) + step).backward();
            optimizer.Step(rate, 0);
        }

        optimizer.ZeroGradients();
    }
}
