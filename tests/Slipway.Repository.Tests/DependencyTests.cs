using System.Xml.Linq;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Holds the projects to the direction of dependencies that README draws.</summary>
public sealed class DependencyTests
{
    // project -> what it may use; a project that is not listed here fails the test.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Slipway.Checkpoints"] = [],
        ["Slipway.Packaging"] = [],
        ["Slipway.Onnx"] = ["Google.Protobuf", "Grpc.Tools"],
        ["Slipway.Tokenization"] = ["Microsoft.ML.Tokenizers"],
        ["Slipway.Export"] =
        [
            "System.Numerics.Tensors", "Slipway.Onnx", "Slipway.Checkpoints", "Slipway.Packaging",
            "Slipway.Tokenization",
        ],
        ["Slipway.Training"] =
            ["Slipway.Checkpoints", "Slipway.Onnx", "Slipway.Tokenization", "Slipway.Torch", "ScottPlot"],
        ["Slipway.Rollouts"] =
            ["Slipway", "Slipway.Evaluation", "Slipway.Export", "Slipway.Training", "JsonSchema.Net"],
        ["Slipway.Torch"] = ["TorchSharp"],
        ["Slipway.Tracing"] =
        [
            "Slipway.Export", "Slipway.Onnx", "Slipway.Torch", "Microsoft.ML.OnnxRuntime.Managed",
            "System.Numerics.Tensors",
        ],
        ["Slipway.LanguageModels"] =
        [
            "Slipway.Export", "Slipway.Onnx", "Slipway.Packaging", "Slipway.Tokenization", "Slipway.Tracing",
            "Microsoft.ML.OnnxRuntime.Managed",
        ],
        ["Slipway.Kernels"] =
            ["Slipway.Packaging", "Microsoft.ML.OnnxRuntime.Managed", "System.Numerics.Tensors"],
        ["Slipway"] =
        [
            "Slipway.Kernels", "Slipway.Packaging", "Slipway.Tokenization", "Microsoft.ML.OnnxRuntime.Managed",
            "Microsoft.Extensions.*", "System.Numerics.Tensors",
        ],
        ["Slipway.Cpu"] = ["Slipway", "Microsoft.ML.OnnxRuntime"],
        ["Slipway.Cuda"] =
            ["Slipway", "Microsoft.ML.OnnxRuntime.Gpu.Linux", "Microsoft.ML.OnnxRuntime.Gpu.Windows"],
        ["Slipway.DirectML"] = ["Slipway", "Microsoft.ML.OnnxRuntime.DirectML"],
        ["Slipway.GenAI"] = ["Slipway", "Microsoft.ML.OnnxRuntimeGenAI.Managed"],
        ["Slipway.AspNetCore"] = ["Slipway", "Microsoft.Data.Sqlite"],
        ["Slipway.Aspire.Hosting"] = ["Aspire.Hosting", "Nerdbank.MessagePack", "Polly.Core"],
        ["Slipway.Aspire.Client"] = ["Microsoft.Extensions.*", "OpenTelemetry.Extensions.Hosting"],
        ["Slipway.Gateway"] = ["Yarp.ReverseProxy"],
        ["Slipway.Evaluation"] = ["Slipway", "Slipway.Tokenization", "Microsoft.Extensions.*"],
        ["Slipway.Calibration"] = ["Slipway", "Slipway.Export", "Slipway.Tokenization"],
        ["Slipway.Testing.Conformance"] =
            ["Microsoft.Extensions.AI", "xunit.v3.assert", "xunit.v3.extensibility.core"],
        ["Slipway.Templates"] = [],
        ["Slipway.CodeRunner"] = ["Microsoft.CodeAnalysis.CSharp.Scripting"],
        ["Slipway.Cli"] =
        [
            "Slipway.AspNetCore", "Slipway.Calibration", "Slipway.CodeRunner", "Slipway.Cpu", "Slipway.Evaluation",
            "Slipway.Export", "Slipway.Rollouts", "Slipway.Tracing", "Slipway.Training", "Slipway",
            "Slipway.Checkpoints", "Slipway.Onnx", "Slipway.Packaging", "Slipway.Tokenization",
            "Microsoft.Extensions.*", "OpenTelemetry.*", "ScottPlot", "Spectre.Console", "System.CommandLine",
        ],
    };

    private static readonly string[] Analyzers =
        ["Microsoft.CodeAnalysis.PublicApiAnalyzers", "Microsoft.CodeAnalysis.BannedApiAnalyzers"];

    public static TheoryData<string> Projects
        => [.. Directory.EnumerateDirectories(Path.Combine(SharedAssets.Repository, "src"))
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.csproj"))
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_PointOneWay(string project)
    {
        Assert.True(Allowed.ContainsKey(project), $"'{project}' has no row in {nameof(Allowed)}.");
        Assert.All(
            References(project),
            reference => Assert.Contains(Allowed[project], allowed => Matches(reference, allowed)));
    }

    [Theory]
    [InlineData("Slipway.Cpu")]
    [InlineData("Slipway.Cuda")]
    [InlineData("Slipway.DirectML")]
    [InlineData("Slipway.GenAI")]
    [InlineData("Slipway")]
    public void ServingProject_Closure_HoldsNoTrainingOrExport(string project)
    {
        var closure = new HashSet<string>(StringComparer.Ordinal);
        Collect(project, closure);
        Assert.DoesNotContain(
            closure,
            name => name is "Slipway.Training" or "Slipway.Torch" or "Slipway.Tracing" or "Slipway.LanguageModels"
                or "Slipway.Export" or "Slipway.Onnx"
                or "Slipway.Checkpoints" or "TorchSharp" or "ScottPlot"
                || name.StartsWith("Google.", StringComparison.Ordinal)
                || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
    }

    private static void Collect(string project, HashSet<string> closure)
    {
        foreach (var reference in References(project))
        {
            if (closure.Add(reference) && Allowed.ContainsKey(reference))
            {
                Collect(reference, closure);
            }
        }
    }

    private static IEnumerable<string> References(string project)
    {
        var path = Path.Combine(SharedAssets.Repository, "src", project, $"{project}.csproj");
        return XDocument.Load(path).Descendants()
            .Where(element => element.Name.LocalName is "ProjectReference" or "PackageReference")
            .Select(element => element.Attribute("Include")!.Value)
            .Select(include => include.EndsWith(".csproj", StringComparison.Ordinal)
                ? Path.GetFileNameWithoutExtension(include)
                : include)
            .Except(Analyzers);
    }

    private static bool Matches(string reference, string allowed)
        => allowed.EndsWith('*')
            ? reference.StartsWith(allowed[..^1], StringComparison.Ordinal)
            : reference == allowed;
}
