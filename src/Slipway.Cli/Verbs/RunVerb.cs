using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Cli.Verbs;

/// <summary>Runs a model once over token ids from a file.</summary>
internal static class RunVerb
{
    private const string Ids = "input_ids";

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder." };
        var input = new Option<string>("--input", "-i")
        {
            Description = "A safetensors file with input_ids [batch, sequence] (int64).",
            Required = true,
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The safetensors file to write: logits [batch, sequence, vocabulary] (float32).",
            Required = true,
        };
        var adapter = new Option<string?>("--adapter") { Description = "The package's LoRA adapter to run with." };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "run", "Run one forward pass. Example: slipway run package -i ids.safetensors -o logits.safetensors")
        {
            package, input, output, adapter, json,
        };
        command.SetAction(async (result, ct) =>
        {
            var (rows, length) = ReadIds(result.GetRequiredValue(input));
            using var model = LanguageModel.Load(result.GetRequiredValue(package));
            var started = Stopwatch.GetTimestamp();
            var logits = new float[Checked(rows.Length, length, model.VocabularySize)];
            for (var row = 0; row < rows.Length; row++)
            {
                var values = await model.ForwardAsync(rows[row], result.GetValue(adapter), ct).ConfigureAwait(false);
                values.Memory.CopyTo(logits.AsMemory(row * length * model.VocabularySize));
            }

            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            long[] shape = [rows.Length, length, model.VocabularySize];
            SafetensorsWriter.Write(result.GetRequiredValue(output), [SafetensorsEntry.From("logits", logits, shape)]);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["inputs"] = new JsonObject { [Ids] = Shape([rows.Length, length]) },
                    ["outputs"] = new JsonObject { ["logits"] = Shape(shape) },
                    ["seconds"] = Math.Round(seconds, 4),
                });
            }
            else
            {
                context.Output.WriteLine($"logits {TensorInfo.FormatShape(shape)} in '{result.GetValue(output)}'");
            }

            return 0;
        });
        return command;
    }

    private static (int[][] Rows, int Length) ReadIds(string path)
    {
        using var file = Checkpoint.Open(path);
        if (!file.Tensors.TryGetValue(Ids, out var tensor) || tensor.Shape.Count is not (1 or 2) || tensor.Count == 0
            || tensor.Type is not (TensorType.I64 or TensorType.I32) || tensor.Count > 1 << 24)
        {
            throw new UsageException(
                $"'{path}' holds no tensor '{Ids}' of integers [batch, sequence]; it holds "
                + $"{string.Join(", ", file.Tensors.Values.Take(5).Select(other => $"'{other}'"))}.");
        }

        var bytes = new byte[tensor.ByteLength];
        file.ReadBytes(Ids, 0, bytes);
        long[] ids = tensor.Type == TensorType.I64
            ? MemoryMarshal.Cast<byte, long>(bytes).ToArray()
            : [.. MemoryMarshal.Cast<byte, int>(bytes).ToArray().Select(id => (long)id)];
        var length = (int)tensor.Shape[^1];
        return ([.. ids.Chunk(length).Select(row => row.Select(Checked).ToArray())], length);

        int Checked(long id) => id is >= 0 and <= int.MaxValue
            ? (int)id
            : throw new UsageException($"'{id}' in '{Ids}' of '{path}' is no token id.");
    }

    private static int Checked(long rows, long length, long vocabulary) => rows * length * vocabulary is var count
        && count <= Array.MaxLength
        ? (int)count
        : throw new UsageException(
            $"The logits [{rows}, {length}, {vocabulary}] are {count} numbers; at most {Array.MaxLength} are written. "
            + "Run fewer rows at a time.");

    private static JsonArray Shape(long[] shape) => [.. shape.Select(size => (JsonNode)size)];
}
