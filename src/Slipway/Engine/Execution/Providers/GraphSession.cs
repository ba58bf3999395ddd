using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Owns a session over a graph; tells which graph it is and what runs it.</summary>
/// <param name="Session">The session.</param>
/// <param name="Graph">The graph.</param>
/// <param name="Choice">The provider and its device.</param>
internal sealed record GraphSession(InferenceSession Session, GraphFile Graph, ProviderChoice Choice) : IDisposable
{
    public void Dispose() => Session.Dispose();
}

/// <summary>Names a graph for a provider.</summary>
/// <param name="Path">The file.</param>
/// <param name="HasKernels">Whether it has this library's own operators, which have threads of their own.</param>
/// <param name="IsMadeForProvider">
/// Whether its maker made it for the provider, and leaves to the processor no more than the computing of sizes.
/// </param>
internal sealed record GraphFile(string Path, bool HasKernels = false, bool IsMadeForProvider = false);
