using System.Text.Json;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Describes a model.</summary>
/// <param name="Name">The name with its tag.</param>
/// <param name="ModifiedAt">The time when the package was made.</param>
/// <param name="Size">Bytes of the package's files.</param>
/// <param name="Digest">The SHA-256 of the package's manifest, which holds those of all its files.</param>
/// <param name="Details">More of the package.</param>
internal sealed record OllamaModel(
    string Name, DateTimeOffset ModifiedAt, long Size, string Digest, OllamaDetails Details)
{
    public string Model => Name;
}

/// <summary>Holds details of a model; what is not known is empty.</summary>
internal sealed record OllamaDetails(
    string Format, string Family, IReadOnlyList<string> Families, string QuantizationLevel)
{
    public string ParentModel { get; } = "";

    public string ParameterSize { get; } = "";
}

/// <summary>Describes all models: <c>GET /api/tags</c>.</summary>
internal sealed record OllamaModelList(IReadOnlyList<OllamaModel> Models);

/// <summary>Describes the models that are loaded: <c>GET /api/ps</c>.</summary>
internal sealed record OllamaRunningList(IReadOnlyList<OllamaRunningModel> Models);

/// <summary>Describes a model that is loaded.</summary>
internal sealed record OllamaRunningModel(
    string Name, long Size, string Digest, OllamaDetails Details, int ContextLength)
{
    public string Model => Name;

    /// <summary>Bytes on a graphics card.</summary>
    public long SizeVram { get; }

    /// <summary>The time of unloading, which nothing sets here.</summary>
    public DateTimeOffset ExpiresAt { get; } = DateTimeOffset.MaxValue;
}

/// <summary>Holds a request of <c>POST /api/show</c>; <c>name</c> is the older word for <c>model</c>.</summary>
internal sealed class OllamaShowRequest
{
    public string? Model { get; init; }

    public string? Name { get; init; }
}

/// <summary>Holds what is known of a model.</summary>
internal sealed record OllamaShowResponse(
    string Modelfile,
    string Parameters,
    string Template,
    OllamaDetails Details,
    IReadOnlyDictionary<string, JsonElement> ModelInfo,
    IReadOnlyList<string> Capabilities,
    DateTimeOffset ModifiedAt);

/// <summary>Tells the version of Ollama's API that is served: <c>GET /api/version</c>.</summary>
internal sealed record OllamaVersion(string Version);
