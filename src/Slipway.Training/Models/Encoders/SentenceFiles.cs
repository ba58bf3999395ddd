using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Training.Models.Encoders;

/// <summary>Reads and writes the files by which Sentence Transformers makes a vector of states.</summary>
internal static class SentenceFiles
{
    /// <summary>The file that says how long texts may be, and whether they are in lower case.</summary>
    public const string Settings = "sentence_bert_config.json";

    private const string Modules = "modules.json";
    private const string PoolingFolder = "1_Pooling";
    private const string NormalizeFolder = "2_Normalize";

    /// <summary>Reads pooling and scaling; the mean scaled to length 1 where there are no such files.</summary>
    public static (SentencePooling Pooling, bool Normalizes) Read(Checkpoint checkpoint)
    {
        if (Parse(checkpoint, Modules) is not { } content)
        {
            return (SentencePooling.Mean, true);
        }

        var (pooling, normalizes) = (default(SentencePooling?), false);
        foreach (var entry in content as JsonArray ?? throw Bad(checkpoint, Modules, "a list of modules"))
        {
            var type = entry?["type"]?.ToString().Split('.')[^1];
            if (type == "Pooling")
            {
                pooling = Pooling(checkpoint, $"{entry!["path"]}/config.json");
            }
            else if (type == "Normalize")
            {
                normalizes = true;
            }
            else if (type is not ("Transformer" or "Dropout"))
            {
                throw new NotSupportedException(
                    $"The module '{type}' in '{Modules}' of '{checkpoint.Path}' cannot be trained; expected "
                    + "'Transformer', 'Pooling' and 'Normalize'.");
            }
        }

        return (pooling ?? throw Bad(checkpoint, Modules, "a module 'Pooling'"), normalizes);
    }

    /// <summary>Writes the files of a model.</summary>
    public static IReadOnlyDictionary<string, byte[]> Write(SentenceModel model)
    {
        var modules = new JsonArray(Module(0, "", "Transformer"), Module(1, PoolingFolder, "Pooling"));
        if (model.Normalizes)
        {
            modules.Add(Module(2, NormalizeFolder, "Normalize"));
        }

        var pooling = new JsonObject { ["word_embedding_dimension"] = model.Encoder.Config.HiddenSize };
        foreach (var row in SentencePoolings.All)
        {
            pooling[row.Flag] = row.Kind == model.Pooling;
        }

        return new Dictionary<string, byte[]>
        {
            [Modules] = Encoding.UTF8.GetBytes(modules.ToJsonString()),
            [$"{PoolingFolder}/config.json"] = Encoding.UTF8.GetBytes(pooling.ToJsonString()),
            [Settings] = model.Settings ?? Encoding.UTF8.GetBytes(new JsonObject
            {
                ["max_seq_length"] = model.Encoder.Config.LongestSequence, ["do_lower_case"] = false,
            }.ToJsonString()),
        };

        static JsonObject Module(int index, string path, string type) => new()
        {
            ["idx"] = index, ["name"] = $"{index}", ["path"] = path, ["type"] = $"sentence_transformers.models.{type}",
        };
    }

    private static SentencePooling Pooling(Checkpoint checkpoint, string file)
    {
        var keys = Parse(checkpoint, file) as JsonObject ?? throw Bad(checkpoint, file, "an object");
        var named = keys["pooling_mode"] is { } mode
            ? SentencePoolings.All.Where(row => row.Name == mode.ToString()).ToArray()
            : [.. SentencePoolings.All.Where(row => keys[row.Flag]?.GetValueKind() == JsonValueKind.True)];
        var others = keys.Any(key => key.Key.StartsWith("pooling_mode_", StringComparison.Ordinal)
            && key.Value?.GetValueKind() == JsonValueKind.True && SentencePoolings.All.All(row => row.Flag != key.Key));
        return named.Length == 1 && !others ? named[0].Kind : throw new NotSupportedException(
            $"The pooling of '{file}' of '{checkpoint.Path}' cannot be trained; expected one of "
            + $"{string.Join(", ", SentencePoolings.All.Select(row => $"'{row.Name}'"))}.");
    }

    private static JsonNode? Parse(Checkpoint checkpoint, string file)
    {
        try
        {
            return checkpoint.ReadFile(file) is { } content ? JsonNode.Parse(content) : null;
        }
        catch (JsonException error)
        {
            throw new CheckpointException(
                $"'{file}' of '{checkpoint.Path}' is not valid JSON: {error.Message} Correct the file.",
                checkpoint.Path, innerException: error);
        }
    }

    private static CheckpointException Bad(Checkpoint checkpoint, string file, string expected) => new(
        $"'{file}' of '{checkpoint.Path}' does not hold {expected}. Copy the whole folder of the model, with its "
        + "subfolders.", checkpoint.Path);
}
