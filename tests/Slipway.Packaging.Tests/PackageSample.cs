using Slipway.Testing;

namespace Slipway.Packaging.Tests;

/// <summary>Writes small packages to test with.</summary>
internal static class PackageSample
{
    public static GenAIConfig Config { get; } = new()
    {
        Model = new GenAIModel
        {
            Type = "llama",
            VocabSize = 256,
            ContextLength = 128,
            BosTokenId = 1,
            EosTokenId = [2, 3],
            PadTokenId = 0,
            Decoder = new GenAIDecoder
            {
                Filename = "model.onnx",
                HeadSize = 16,
                HiddenSize = 64,
                NumAttentionHeads = 4,
                NumKeyValueHeads = 2,
                NumHiddenLayers = 3,
                Inputs = new Dictionary<string, string> { ["input_ids"] = "input_ids" },
                Outputs = new Dictionary<string, string> { ["logits"] = "logits" },
            },
        },
        Search = new GenAISearch { MaxLength = 128 },
    };

    public static string Write(TemporaryFolder folder, string name = "package", bool overwrite = false, byte fill = 7)
    {
        using var writer = new PackageWriter(folder[name], overwrite);
        writer.Write("model.onnx", [fill, 1, 2]);
        writer.Write("model.onnx.data", new byte[100]);
        writer.Write(Config);
        writer.Commit(new PackageManifest { Precision = "int4" });
        return folder[name];
    }
}
