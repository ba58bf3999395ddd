using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Load;

/// <summary>
/// A small package with a tokenizer, so that answers can be guided, and with adapters where asked for.
/// </summary>
internal sealed class LoadPackage : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public LoadPackage(string model, params string[] adapters)
        : this(model, adapters, [])
    {
    }

    public LoadPackage(string model, string[] adapters, string[] devices)
    {
        Adapters = [null, .. adapters];
        var source = Directory.CreateDirectory(_folder["checkpoint"]).FullName;
        foreach (var file in Directory.GetFiles(SharedAssets.Path("tiny", model)))
        {
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
        }

        File.Copy(
            SharedAssets.Path("genai-packages", "qwen3-fp32", "tokenizer.json"),
            Path.Combine(source, "tokenizer.json"));
        using var checkpoint = Checkpoint.Open(source);
        var factors = adapters.ToDictionary(
            name => name, name => LoraAdapter.Open(SharedAssets.Path("lora", model, name)), StringComparer.Ordinal);
        Exporter.Export(checkpoint, Folder, new ExportOptions { Adapters = factors, Devices = devices });
        foreach (var adapter in factors.Values)
        {
            adapter.Dispose();
        }
    }

    public string Folder => _folder["package"];

    /// <summary>What a request can choose between, no adapter included.</summary>
    public IReadOnlyList<string?> Adapters { get; }

    public void Dispose() => _folder.Dispose();
}
