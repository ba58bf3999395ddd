using System.Text.Json.Serialization;

namespace Slipway.Packaging;

/// <summary>Holds <c>slipway.json</c>: how a package was made and what its files must contain.</summary>
/// <remarks>Other readers ignore this file; a package without it opens, but its files cannot be verified.</remarks>
public sealed record PackageManifest
{
    /// <summary>The version of this file's form.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The version of this file's form; readers refuse a later one.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The program and version that wrote the package.</summary>
    public string? Producer { get; init; }

    /// <summary>The architecture of the checkpoint, as in <c>architectures[0]</c> of its <c>config.json</c>.</summary>
    public string? Architecture { get; init; }

    /// <summary>The format of the checkpoint: <c>safetensors</c>, <c>torchsharp</c>, <c>gguf</c> and so on.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>The precision of the weights: <c>fp32</c>, <c>fp16</c>, <c>int8</c> or <c>int4</c>.</summary>
    public string? Precision { get; init; }

    /// <summary>Quantization of the weights; null for float weights.</summary>
    public QuantizationRecipe? Quantization { get; init; }

    /// <summary>Type of keys and values: <c>fp16</c>, <c>int8</c> or <c>int4</c>; null for float32.</summary>
    public string? KeyValueCache { get; init; }

    /// <summary>The longest sequence in tokens, where no <c>genai_config.json</c> says it.</summary>
    public int? ContextLength { get; init; }

    /// <summary>
    /// The longest sequence that has the first of the graph's two sets of rotary frequencies; null where there is one.
    /// </summary>
    /// <remarks>
    /// A sequence that grows longer is computed again from its beginning. The graph's optional input
    /// <c>planned_length</c>, int64 [1], says how long a sequence will be whose prompt runs in parts.
    /// </remarks>
    public int? RotarySwitch { get; init; }

    /// <summary>The decoder's graph once more, as certain providers run it; null for none.</summary>
    /// <remarks>A reader runs a variant that it knows in place of the decoder's graph, or leaves all alone.</remarks>
    public IReadOnlyList<GraphVariant>? Variants { get; init; }

    /// <summary>The graph of kernels as 0.1.0 named it, whose operators are of version 1; no longer written.</summary>
    [JsonInclude]
    internal string? KernelModel { get; init; }

    /// <summary>
    /// The name of the format in which the model writes tool calls; null to find it from the template.
    /// </summary>
    public string? ToolCallFormat { get; init; }

    /// <summary>
    /// The name of the format in which the model marks its reasoning; null to find it from the template.
    /// </summary>
    public string? ReasoningFormat { get; init; }

    /// <summary>The LoRA adapters that the package holds beside the model; null for none.</summary>
    public IReadOnlyList<PackageAdapter>? Adapters { get; init; }

    /// <summary>The graph's layers that take adapters, also those added to a running model; null for none.</summary>
    public IReadOnlyList<PackageAdapterLayer>? AdapterLayers { get; init; }

    /// <summary>Measured figures by name, for example <c>perplexity</c>.</summary>
    public IReadOnlyDictionary<string, double>? Fidelity { get; init; }

    /// <summary>Every other file of the package; filled when the package is committed.</summary>
    public IReadOnlyList<PackageFile> Files { get; init; } = [];
}

/// <summary>Says how weights were quantized.</summary>
public sealed record QuantizationRecipe
{
    /// <summary>The method's name in the table of methods, for example <c>search</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Bits of a weight.</summary>
    public required int Bits { get; init; }

    /// <summary>Weights that share one scale.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Tells whether blocks have no zero point of their own.</summary>
    public bool Symmetric { get; init; }

    /// <summary>
    /// Matrices that are stored otherwise, by name: a precision, then <c>:</c> and a method, then <c>/</c> and a block
    /// size, as <c>int8:search/64</c>. Null for none.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Matrices { get; init; }

    /// <summary>
    /// Bits of a weight on average, scales and offsets included, over the matrices that they were spent on by what the
    /// model loses; null where a method was named.
    /// </summary>
    public double? BitsPerWeight { get; init; }

    /// <summary>
    /// The divergence of the next token's distribution from the float model's that these matrices were expected to
    /// leave, nats a token.
    /// </summary>
    public double? ExpectedDivergence { get; init; }
}

/// <summary>Names a graph with the inputs and outputs of the decoder's, over the same constants.</summary>
/// <param name="Provider">What runs it: <c>cpu</c>.</param>
/// <param name="File">The file inside the package.</param>
/// <param name="KernelVersion">
/// The version of the operators of the domain <c>slipway</c> that the graph has; a library with other operators leaves
/// it alone.
/// </param>
/// <param name="Capabilities">
/// What the graph does beyond the decoder's: <c>inactive_slots</c> says that a slot of a batch whose attention mask is
/// all zeros is left alone, so that its keys and values stay as they are and its logits mean nothing.
/// </param>
public sealed record GraphVariant(
    string Provider, string File, int KernelVersion, IReadOnlyList<string>? Capabilities = null);

/// <summary>Names an adapter that requests can choose.</summary>
/// <param name="Name">The name that requests choose it by.</param>
/// <param name="File">
/// The safetensors file inside the package: float32 tensors named like the graph's optional inputs,
/// <c>{layer}.lora_A</c> [inputs, n · rank] and <c>{layer}.lora_B</c> [n · rank, outputs], the scale folded into the
/// latter; n is how many of the checkpoint's layers the graph has as one.
/// </param>
/// <param name="Rank">The rank.</param>
public sealed record PackageAdapter(string Name, string File, int Rank);

/// <summary>Names a file of a package with its size and hash.</summary>
/// <param name="Name">The path inside the package, with forward slashes.</param>
/// <param name="Bytes">The size in bytes.</param>
/// <param name="Sha256">The SHA-256 of the content in lower-case hexadecimal digits.</param>
public sealed record PackageFile(string Name, long Bytes, string Sha256);
