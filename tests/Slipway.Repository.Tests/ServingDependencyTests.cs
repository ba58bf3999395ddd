using System.Diagnostics;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Holds what an app that serves restores and loads to what README says of it.</summary>
public sealed class ServingDependencyTests
{
    private const string Package = "models/device-assistant/int4";

    [Fact]
    public void Restore_OfAnAppThatServes_BringsProtobufWithTheTokenizersPackageOnly()
    {
        var path = Path.Combine(SharedAssets.Repository, "artifacts", "obj", "Edge", "project.assets.json");
        var packages = JsonNode.Parse(File.ReadAllBytes(path))!["targets"]!.AsObject().Single(
            target => !target.Key.Contains('/', StringComparison.Ordinal)).Value!.AsObject();

        Assert.DoesNotContain(
            packages, package => package.Key.StartsWith("TorchSharp", StringComparison.OrdinalIgnoreCase)
            || package.Key.StartsWith("libtorch", StringComparison.OrdinalIgnoreCase));
        var parents = packages.Where(package => package.Value!["dependencies"]?["Google.Protobuf"] is not null)
            .Select(package => package.Key.Split('/')[0]);
        Assert.Equal(["Microsoft.ML.Tokenizers"], parents);
    }

    [Fact]
    public async Task Serve_WithoutTheFileOfProtobuf_AnswersAsWithIt()
    {
        using var folder = CopyOfEdge();
        File.Delete(folder["Google.Protobuf.dll"]);
        var dependencies = JsonNode.Parse(
            await File.ReadAllTextAsync(folder["Edge.deps.json"], TestContext.Current.CancellationToken))!;
        foreach (var list in dependencies["targets"]!.AsObject().Select(pair => pair.Value!.AsObject())
            .Append(dependencies["libraries"]!.AsObject()))
        {
            Assert.True(list.Remove(Assert.Single(
                list, entry => entry.Key.StartsWith("Google.Protobuf/", StringComparison.Ordinal)).Key));
        }

        await File.WriteAllTextAsync(
            folder["Edge.deps.json"], dependencies.ToJsonString(), TestContext.Current.CancellationToken);

        var run = await RunAsync(folder);

        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.Matches(@"resident peak \d+ MB of 120 MB\.", run.Output);
    }

    [Fact]
    public async Task Serve_WithoutTheNativeLibrary_NamesThePackageThatBringsIt()
    {
        using var folder = CopyOfEdge();
        var libraries = Directory.GetFiles(folder.Path, "*onnxruntime.*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".so" or ".dylib"
                || Path.GetFileName(path) is "onnxruntime.dll").ToList();
        Assert.NotEmpty(libraries);
        libraries.ForEach(File.Delete);

        var run = await RunAsync(folder);

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(
            "The native library of ONNX Runtime is missing or of another version. Reference the package 'Slipway.Cpu' "
            + "in the program, and no other version of 'Microsoft.ML.OnnxRuntime'.",
            run.Errors, StringComparison.Ordinal);
    }

    private static TemporaryFolder CopyOfEdge()
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(SharedAssets.Repository, Package)),
            $"'{Package}' is not there; train and export the device assistant.");
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var source = Path.Combine(SharedAssets.Repository, "artifacts", "bin", "Edge", configuration);
        TemporaryFolder folder = new();
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = folder[Path.GetRelativePath(source, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return folder;
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(TemporaryFolder folder)
    {
        var start = new ProcessStartInfo("dotnet", [folder["Edge.dll"]])
        {
            WorkingDirectory = SharedAssets.Repository,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, text, await errors);
    }
}
