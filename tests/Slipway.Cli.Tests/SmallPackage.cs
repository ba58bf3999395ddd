using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>A small package of random weights with a tokenizer and a chat template.</summary>
internal static class SmallPackage
{
    public const string Template =
        "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}";

    /// <summary>Writes the checkpoint, bytes for tokens, into a folder.</summary>
    public static string WriteCheckpoint(TemporaryFolder folder)
    {
        var source = SharedAssets.Path("tiny", "llama");
        var target = folder["checkpoint"];
        Directory.CreateDirectory(target);
        foreach (var file in new[] { "config.json", "generation_config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(source, file), Path.Combine(target, file));
        }

        var tokenizer = new Tokenization.Training.BpeTrainer(new() { VocabularySize = 256 }).Train(["text"]);
        File.WriteAllBytes(Path.Combine(target, "tokenizer.json"), tokenizer);
        File.WriteAllText(Path.Combine(target, "chat_template.jinja"), Template);
        return target;
    }

    public static string WritePackage(TemporaryFolder folder, Precision precision = Precision.Float32)
    {
        using var checkpoint = Checkpoint.Open(WriteCheckpoint(folder));
        return Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = precision }).Folder;
    }
}
