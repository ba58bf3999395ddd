using Slipway.Engine.Execution.Providers;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>A machine of a test's making.</summary>
internal sealed class PlainMachine : IProviderMachine
{
    public IReadOnlyList<ExecutionProvider> Built { get; init; } =
        [ExecutionProviders.Cuda, ExecutionProviders.DirectML];

    public IReadOnlyList<string> Missing { get; init; } = [];

    public IReadOnlyList<string> Found { get; init; } = [];

    public string? Broken { get; init; }

    public bool HasProvider(ExecutionProvider provider) => Built.Contains(provider);

    public bool HasLibrary(string name) => !Missing.Contains(name);

    public IReadOnlyList<string> Devices(ExecutionProvider provider)
        => Broken is null ? Found : throw new NotSupportedException(Broken);
}
