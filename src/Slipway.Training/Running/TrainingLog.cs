using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Training.Running;

/// <summary>One line of the log.</summary>
internal sealed record LogRow(
    int Stage, string Kind, long Step, double? Loss, double? EvaluationLoss, double? Reward = null,
    IReadOnlyDictionary<string, double>? Scores = null);

/// <summary>
/// Writes what each step measured as JSON Lines, at once; a resumed run drops what lies behind its position.
/// </summary>
internal sealed class TrainingLog : IDisposable
{
    private readonly List<LogRow> _rows = [];
    private readonly StreamWriter _file;

    public TrainingLog(string path, TrainerPosition from)
    {
        var kept = new List<string>();
        foreach (var line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            if (Parse(line) is { } row
                && (row.Stage < from.Stage || (row.Stage == from.Stage && row.Step <= from.Step)))
            {
                _rows.Add(row);
                kept.Add(line);
            }
        }

        File.WriteAllLines(path, kept);
        _file = new StreamWriter(path, append: true, new UTF8Encoding(false)) { AutoFlush = true };
    }

    /// <summary>Reads a finished log.</summary>
    public static IReadOnlyList<LogRow> Read(string path) => [.. File.ReadLines(path).Select(Parse).OfType<LogRow>()];

    public IReadOnlyList<LogRow> Rows => _rows;

    /// <summary>The losses of a stage's evaluations, in their order.</summary>
    public IReadOnlyList<double> EvaluationLosses(int stage) =>
        [.. _rows.Where(row => row.Stage == stage).Select(row => row.EvaluationLoss).OfType<double>()];

    public void Step(
        int stage, string kind, long step, double loss, double rate, double norm, long tokens, double speed,
        IReadOnlyList<(string Name, double Value)> measures)
    {
        var further = string.Concat(measures.Select(one => string.Create(
            CultureInfo.InvariantCulture, $",\"{one.Name}\":{one.Value:R}")));
        _rows.Add(new LogRow(stage, kind, step, loss, null, Reward(measures)));
        _file.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $$"""{"stage":{{stage}},"kind":"{{kind}}","step":{{step}},"loss":{{loss:R}},"learning_rate":{{rate:R}},"gradient_norm":{{norm:R}},"tokens":{{tokens}},"tokens_per_second":{{speed:F0}}{{further}}}"""));
    }

    public void Evaluation(
        int stage, string kind, long step, double loss, IReadOnlyList<(string Name, double Value)> scores)
    {
        var kept = scores.Count == 0 ? null : scores.ToDictionary(one => one.Name, one => one.Value);
        _rows.Add(new LogRow(stage, kind, step, null, loss, Scores: kept));
        var further = kept is null ? "" : $",\"scores\":{JsonSerializer.Serialize(kept)}";
        _file.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $$"""{"stage":{{stage}},"kind":"{{kind}}","step":{{step}},"evaluation_loss":{{loss:R}}{{further}}}"""));
    }

    public void Sample(int stage, string kind, long step, string prompt, string text) => _file.WriteLine(
        new JsonObject
        {
            ["stage"] = stage, ["kind"] = kind, ["step"] = step, ["prompt"] = prompt, ["text"] = text,
        }.ToJsonString());

    public void Dispose() => _file.Dispose();

    /// <summary>The reward among what a step showed; null where it has none.</summary>
    public static double? Reward(IReadOnlyList<(string Name, double Value)> measures) => measures
        .Where(one => one.Name == "reward").Select(one => (double?)one.Value).FirstOrDefault();

    // A kill can leave half a line; it lies behind the last checkpoint and is dropped.
    private static LogRow? Parse(string line)
    {
        try
        {
            return JsonNode.Parse(line) is JsonObject json
                ? new LogRow((int)json["stage"]!, (string)json["kind"]!, (long)json["step"]!,
                    (double?)json["loss"], (double?)json["evaluation_loss"], (double?)json["reward"],
                    json["scores"]?.Deserialize<Dictionary<string, double>>())
                : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException
            or ArgumentException or FormatException)
        {
            return null;
        }
    }
}
