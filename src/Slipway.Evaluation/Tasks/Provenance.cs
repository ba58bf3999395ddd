using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Evaluation.Tasks;

/// <summary>Tells what was evaluated by what, so that a result can be known for what it is.</summary>
internal static class Provenance
{
    /// <summary>Describes a package: its files and template by their hashes, and the versions that run it.</summary>
    public static JsonObject Of(ModelPackage package) => new()
    {
        ["model"] = package.Name,
        ["model_sha256"] = PackageHash.Of(package),
        ["template_sha256"] = PackageHash.OfTemplate(package),
        ["precision"] = package.Manifest?.Precision,
        ["versions"] = Versions(),
    };

    /// <summary>Describes an encoder's package, which has no template.</summary>
    public static JsonObject Of(EncoderPackage package) => new()
    {
        ["model"] = package.Name,
        ["model_sha256"] = PackageHash.Of(package.Manifest),
        ["precision"] = package.Manifest.Precision,
        ["versions"] = Versions(),
    };

    /// <summary>Describes a client of which no more is known than what it says of itself.</summary>
    public static JsonObject Of(string name, string? provider) => new()
    {
        ["model"] = name,
        ["provider"] = provider,
        ["versions"] = Versions(),
    };

    private static JsonObject Versions() => new()
    {
        ["slipway"] = VersionOf(typeof(LanguageModel)),
        ["onnxruntime"] = VersionOf(typeof(Microsoft.ML.OnnxRuntime.InferenceSession)),
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
    };

    private static string VersionOf(Type type)
        => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            .Split('+')[0] ?? "unknown";
}
