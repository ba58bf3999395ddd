using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Packages that are made of links run as those of files do.</summary>
public sealed class LinkedPackageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Generate_PackageInAHubsCache_GivesTheTokensOfItsFiles()
    {
        var hub = SharedAssets.Path("reported", "package-in-hub-cache", "hub", "models--org--pkg");
        var blobs = Directory.CreateDirectory(_folder["blobs"]).FullName;
        var snapshot = Directory.CreateDirectory(Path.Combine(_folder["snapshots"], "r1")).FullName;
        var files = Directory.CreateDirectory(_folder["files"]).FullName;
        foreach (var blob in Directory.GetFiles(Path.Combine(hub, "blobs")))
        {
            File.Copy(blob, Path.Combine(blobs, Path.GetFileName(blob)));
        }

        foreach (var link in new DirectoryInfo(Path.Combine(hub, "snapshots", "r1")).GetFiles())
        {
            // Where the folder was copied without its links, their targets stand in files.
            var target = link.LinkTarget ?? await File.ReadAllTextAsync(
                link.FullName, TestContext.Current.CancellationToken);
            File.CreateSymbolicLink(Path.Combine(snapshot, link.Name), target.Trim());
            File.Copy(Path.Combine(snapshot, target.Trim()), Path.Combine(files, link.Name));
        }

        Directory.CreateSymbolicLink(_folder["latest"], snapshot);
        var expected = await IdsAsync(files);
        Assert.Equal(4, expected.Count);
        Assert.True(JsonNode.DeepEquals(expected, await IdsAsync(snapshot)));
        Assert.True(JsonNode.DeepEquals(expected, await IdsAsync(_folder["latest"])));

        // ONNX Runtime's own operators read the linked weights by another way than this library's.
        using var plain = LanguageModel.Load(snapshot, new LanguageModelOptions { UseKernels = false });
        var request = new GenerationRequest { PromptIds = [1, 2, 3], MaxOutputTokens = 4, IgnoreEndOfSequence = true };
        List<int> ids = [];
        await foreach (var token in plain.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            ids.Add(token.Id);
        }

        Assert.Equal(expected.Select(id => (int)id!), ids);
    }

    private static async Task<JsonArray> IdsAsync(string package)
        => (await Tool.RunAsync(
            "generate", package, "--input-ids", "1,2,3", "--max-tokens", "4", "--ignore-eos", "--json"))
            .Json["ids"]!.AsArray();
}
