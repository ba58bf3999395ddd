using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Encoders;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Encoders;

/// <summary>Packages of tiny reference checkpoints that take texts.</summary>
internal static class TinyEncoders
{
    /// <summary>Exports a checkpoint with the tokenizer of <see cref="SpelledCheckpoint"/>.</summary>
    /// <returns>The package folder.</returns>
    public static string Export(
        string name, TemporaryFolder folder, Action<JsonObject>? configure = null,
        IReadOnlyDictionary<string, int>? words = null, params IReadOnlyList<(string Name, string Content)> files)
    {
        SpelledCheckpoint.Write(name, folder[$"{name}-source"], configure, words, files);
        using var checkpoint = Checkpoint.Open(folder[$"{name}-source"]);
        Exporter.Export(checkpoint, folder[$"{name}-package"], new ExportOptions { Overwrite = true });
        return folder[$"{name}-package"];
    }

    /// <summary>The texts that the reference was computed of, and a tensor of it.</summary>
    public static (string[] Texts, float[] Output) Reference(string name, string output)
    {
        using var expected = Checkpoint.Open(SharedAssets.Path("tiny", name, "expected.safetensors"));
        float[] ids = Read("input.input_ids"), mask = Read("input.attention_mask");
        var length = (int)expected.Tensors["input.input_ids"].Shape[1];
        return (
            [.. ids.Chunk(length).Zip(mask.Chunk(length)).Select(row => string.Join(
                ' ', row.First.Zip(row.Second).Where(token => token.Second == 1).Select(token => $"t{token.First}")))],
            Read(output));

        float[] Read(string tensor)
        {
            var values = new float[expected.Tensors[tensor].Count];
            expected.ReadFloats(tensor, 0, values);
            return values;
        }
    }

    /// <summary>Logits of the graph for one text of a package.</summary>
    public static float[] Run(string package, IReadOnlyList<int> ids, IReadOnlyList<int>? types = null)
    {
        using var model = EncoderModel.Load(package);
        long[] shape = [1, ids.Count];
        var inputs = model.Inputs.ToDictionary(name => name, name => (
            name == "input_ids" ? ids.Select(id => (long)id).ToArray()
            : name == "attention_mask" ? [.. ids.Select(_ => 1L)]
            : [.. (types ?? [.. ids.Select(_ => 0)]).Select(type => (long)type)], shape));
        return model.Run(inputs).Single(output => output.Name == "logits").Values;
    }
}
