using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Adapters;

/// <summary>A small model with two adapters beside it, whose ranks and layers differ.</summary>
internal sealed class AdapterPackage : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public AdapterPackage()
    {
        var source = SharedAssets.Path("lora", "llama");
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        using var all = LoraAdapter.Open(Path.Combine(source, "all-linear"));
        using var attention = LoraAdapter.Open(Path.Combine(source, "attention"));
        Exporter.Export(checkpoint, Folder, new ExportOptions
        {
            Adapters = new Dictionary<string, LoraAdapter> { ["all-linear"] = all, ["attention"] = attention },
        });
    }

    public string Folder => _folder["package"];

    /// <summary>The file of one of the adapters.</summary>
    public string File => Path.Combine(Folder, "adapters", "attention.safetensors");

    private string Manifest => Path.Combine(Folder, "slipway.json");

    /// <summary>Lets a changed file pass the comparison with the hashes.</summary>
    public void ForgetHashes() => Change(manifest => manifest.Remove("files"));

    public void Change(Action<JsonObject> change)
    {
        var manifest = JsonNode.Parse(System.IO.File.ReadAllBytes(Manifest))!.AsObject();
        change(manifest);
        System.IO.File.WriteAllText(Manifest, manifest.ToJsonString());
    }

    public void Dispose() => _folder.Dispose();
}
