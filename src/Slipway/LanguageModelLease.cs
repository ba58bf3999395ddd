namespace Slipway;

/// <summary>Holds the model of a chat client, so that it is not unloaded, until the lease is disposed.</summary>
/// <remarks>Safe for concurrent use. Disposing it ends the lease and leaves the model to its client.</remarks>
public sealed class LanguageModelLease : IDisposable
{
    private readonly IDisposable _use;

    internal LanguageModelLease(LanguageModel model, IDisposable use) => (Model, _use) = (model, use);

    /// <summary>The model; it belongs to the client.</summary>
    public LanguageModel Model { get; }

    /// <summary>Ends the lease.</summary>
    public void Dispose() => _use.Dispose();
}
