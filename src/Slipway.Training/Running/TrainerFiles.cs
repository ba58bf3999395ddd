using System.Text.Json.Nodes;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Names and writes the files of a run's folder; each is replaced whole or not at all.</summary>
internal sealed class TrainerFiles(string folder, NumberType precision)
{
    private static readonly string[] TextFiles =
        ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"];

    public string Folder => folder;

    public string State => Path.Combine(folder, "trainer", "state.safetensors");

    public string Log => Path.Combine(folder, "trainer", "log.jsonl");

    public string LossCurve => Path.Combine(folder, "trainer", "loss.png");

    /// <summary>The pairs of right answers and the start's wrong ones.</summary>
    public string Mistakes => Path.Combine(folder, "trainer", "mistakes.jsonl");

    /// <summary>The weights of a stage's best evaluation.</summary>
    public string Best => Path.Combine(folder, "trainer", "best.safetensors");

    /// <summary>The run's page for people.</summary>
    public string Page => Path.Combine(folder, "trainer", "report.html");

    public string Tokenizer => Path.Combine(folder, "tokenizer.json");

    /// <summary>The reference model's log-probabilities of a stage's answers.</summary>
    public string Reference(int stage, string data) =>
        Path.Combine(folder, "trainer", $"reference-{stage}-{data}.safetensors");

    public void Create()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "trainer"));
            foreach (var part in new[] { folder, Path.Combine(folder, "trainer") }
                .SelectMany(Directory.EnumerateFiles).Where(IsUnfinished).ToArray())
            {
                File.Delete(part);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException(
                $"The output folder '{folder}' cannot be created: {error.Message} Choose another 'output'.", error);
        }
    }

    /// <summary>Writes what was trained: the model, or its adapter in PEFT's format.</summary>
    public void WriteModel(ITrainedModel model) => model.Save(folder, precision switch
    {
        NumberType.Bf16 => bfloat16,
        NumberType.Fp16 => float16,
        _ => float32,
    });

    /// <summary>Reads the texts that a package needs beside the weights, by file name.</summary>
    public IReadOnlyDictionary<string, byte[]> Texts() => TextFiles
        .Select(name => (Name: name, Path: Path.Combine(folder, name))).Where(one => File.Exists(one.Path))
        .ToDictionary(one => one.Name, one => File.ReadAllBytes(one.Path), StringComparer.Ordinal);

    public void Write(string name, JsonObject json) => AtomicFile.Write(Path.Combine(folder, name), json);

    public void Write(string name, byte[] bytes) => AtomicFile.Write(Path.Combine(folder, name), bytes);

    // What a run that was killed had begun to write: the name, 32 digits and the ending of temporary files.
    private static bool IsUnfinished(string path) => Path.GetFileName(path).Split('.') is [_, _, .., var number, "tmp"]
        && Guid.TryParseExact(number, "N", out _);
}
