using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Models;

/// <summary>Exports small checkpoints, and makes adapters for them.</summary>
internal static class TinyPackage
{
    private static string Source => Path.Combine(SharedAssets.Repository, "models", "device-assistant", "checkpoint");

    /// <summary>Exports the assistant so that the running model takes adapters.</summary>
    public static string Adaptable(string folder)
    {
        using var checkpoint = Checkpoint.Open(Source);
        Exporter.Export(checkpoint, folder, new ExportOptions { AdapterInputs = true });
        return folder;
    }

    /// <summary>Exports a checkpoint of the assets.</summary>
    public static string Export(string folder, params string[] asset)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path(asset));
        Exporter.Export(checkpoint, folder);
        return folder;
    }

    /// <summary>Exports a small checkpoint of the assets with a tokenizer that spells token 7 as <c>t7</c>.</summary>
    public static string Spelled(TemporaryFolder folder, string name)
    {
        using var checkpoint = Checkpoint.Open(SpelledCheckpoint.Write(name, folder["source"]));
        Exporter.Export(checkpoint, folder["package"]);
        return folder["package"];
    }

    /// <summary>Writes an adapter of random numbers for the assistant, in the form of PEFT's.</summary>
    public static void WriteAdapter(string folder, int seed, float size = 1)
    {
        const int rank = 4;
        Directory.CreateDirectory(folder);
        var random = new Random(seed);
        using var checkpoint = Checkpoint.Open(Source);
        SafetensorsWriter.Write(
            Path.Combine(folder, "adapter_model.safetensors"),
            [.. checkpoint.Tensors.Values
                .Where(tensor => tensor.Name.Contains("q_proj.weight", StringComparison.Ordinal)
                    || tensor.Name.Contains("down_proj.weight", StringComparison.Ordinal))
                .SelectMany(tensor => new[]
                {
                    Factor(tensor.Name, "lora_A", rank, tensor.Shape[1]),
                    Factor(tensor.Name, "lora_B", tensor.Shape[0], rank),
                })]);
        File.WriteAllText(
            Path.Combine(folder, "adapter_config.json"), """{"peft_type": "LORA", "r": 4, "lora_alpha": 8}""");

        SafetensorsEntry Factor(string tensor, string factor, long rows, long columns) => SafetensorsEntry.From(
            $"base_model.model.{tensor[..^".weight".Length]}.{factor}.weight",
            [.. Enumerable.Range(0, (int)(rows * columns)).Select(_ => (random.NextSingle() - 0.5f) * size)],
            rows, columns);
    }
}
