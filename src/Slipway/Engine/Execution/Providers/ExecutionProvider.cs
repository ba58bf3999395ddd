using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Describes what runs graphs, and what it needs of the machine; a row of <see cref="ExecutionProviders"/>.
/// </summary>
internal sealed record ExecutionProvider
{
    /// <summary>The name in options, on the command line, and of graph variants in manifests.</summary>
    public required string Name { get; init; }

    /// <summary>The name that ONNX Runtime has for it.</summary>
    public required string RuntimeName { get; init; }

    /// <summary>The name in <c>provider_options</c> of <c>genai_config.json</c>.</summary>
    public required string GenAIName { get; init; }

    /// <summary>The package that brings an ONNX Runtime with it.</summary>
    public required string PackageName { get; init; }

    /// <summary>The file of ONNX Runtime beside its own that holds the provider; null where its own does.</summary>
    public string? File { get; init; }

    /// <summary>The driver of the devices, in words, and its library; null where none is looked for.</summary>
    public (string Words, string Library)? Driver { get; init; }

    /// <summary>Libraries of the system that the provider is linked to.</summary>
    public IReadOnlyList<string> Libraries { get; init; } = [];

    /// <summary>Libraries of the system that some operators call, and which operators, in words.</summary>
    public (string Words, IReadOnlyList<string> Libraries) Optional { get; init; } = ("", []);

    /// <summary>Says what installs <see cref="Libraries"/>.</summary>
    public string Remedy { get; init; } = "";

    /// <summary>Lets a session use a device; the last argument holds the provider's own options by name.</summary>
    /// <remarks>Null where sessions use it by themselves.</remarks>
    public Action<SessionOptions, int, IReadOnlyDictionary<string, string>>? Append { get; init; }

    /// <summary>
    /// Tells whether its devices have memory with addresses, within which tensors may begin anywhere, and copy it for
    /// ONNX Runtime; keys and values stay there then from run to run.
    /// </summary>
    public bool HasAddresses { get; init; }

    /// <summary>Tells whether it runs every graph, on the processor.</summary>
    public bool IsProcessor => Append is null;
}
