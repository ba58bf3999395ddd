using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class EmbedVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Embed_Sentences_WritesTheReferencesEmbeddings()
    {
        var source = SharedAssets.Path("all-minilm-l6-v2");
        var protocol = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "expected.json")))!;
        File.WriteAllText(_folder["texts.json"], protocol["sentences"]!.ToJsonString());
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["package"])).Code);

        var report = (await Tool.RunAsync(
            "embed", _folder["package"], "-i", _folder["texts.json"], "-o", _folder["out.safetensors"], "--json")).Json;

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var written = Checkpoint.Open(_folder["out.safetensors"]);
        float[] reference = Read(expected), embeddings = Read(written);
        Assert.Equal([reference.Length / 384, 384], report["shape"]!.AsArray().Select(size => (int)size!));
        Assert.Equal(reference.Length, embeddings.Length);
        Assert.InRange(reference.Zip(embeddings, (x, y) => Math.Abs(x - y)).Max(), 0, 1e-3f);
    }

    private static float[] Read(Checkpoint checkpoint)
    {
        var values = new float[checkpoint.Tensors["embeddings"].Count];
        checkpoint.ReadFloats("embeddings", 0, values);
        return values;
    }
}
