using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Names and writes the files of a run's folder; each is replaced whole or not at all.</summary>
internal sealed class TrainerFiles(string folder, NumberType precision)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public string Folder => folder;

    public string State => Path.Combine(folder, "trainer", "state.safetensors");

    public string Log => Path.Combine(folder, "trainer", "log.jsonl");

    public string LossCurve => Path.Combine(folder, "trainer", "loss.png");

    public string Tokenizer => Path.Combine(folder, "tokenizer.json");

    public void Create()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "trainer"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException(
                $"The output folder '{folder}' cannot be created: {error.Message} Choose another 'output'.", error);
        }
    }

    public void WriteModel(CausalLanguageModel model)
    {
        TorchSharpWriter.Write(Path.Combine(folder, "model.dat"), model, precision switch
        {
            NumberType.Bf16 => bfloat16,
            NumberType.Fp16 => float16,
            _ => float32,
        });
    }

    public void Write(string name, JsonObject json) => Write(name, Encoding.UTF8.GetBytes(Text(json) + "\n"));

    public void Write(string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static string Text(JsonObject json) => json.ToJsonString(Indented);
}
