using System.Globalization;
using System.Text.Json;

namespace Slipway.Evaluation.Bench.Profile;

/// <summary>Reads the file of a profiled session.</summary>
/// <remarks>The form is that of ONNX Runtime's profiler: a list of Chrome's trace events, in microseconds.</remarks>
internal static class ProfileEvents
{
    /// <summary>Gives the session's runs in the order in which they began.</summary>
    /// <exception cref="JsonException">The file has another form.</exception>
    public static IReadOnlyList<ProfileRun> Read(string path)
    {
        using var stream = File.OpenRead(path);
        using var document = JsonDocument.Parse(stream);
        JsonElement[] events = [.. document.RootElement.EnumerateArray()
            .Where(one => one.TryGetProperty("dur", out _)).OrderBy(one => Number(one, "ts"))];
        JsonElement[] nodes = [.. events.Where(IsKernel)];
        List<ProfileRun> runs = [];
        var first = 0;
        foreach (var run in events.Where(one => one.GetProperty("name").ValueEquals("model_run")))
        {
            var (start, microseconds) = (Number(run, "ts"), Number(run, "dur"));
            while (first < nodes.Length && Number(nodes[first], "ts") < start)
            {
                first++;
            }

            JsonElement[] inside = [.. nodes.Skip(first)
                .TakeWhile(node => Number(node, "ts") < start + microseconds)];

            // The first operator that looks up rows of a table by ids in two dimensions has the tokens.
            if (inside.Select(Ids).FirstOrDefault(ids => ids is not null) is { } tokens)
            {
                runs.Add(new ProfileRun(
                    start, microseconds, tokens[0], tokens[1], [.. inside.Select(ProfileOperator.Read)]));
            }
        }

        return runs;
    }

    internal static long Number(JsonElement node, string name) => node.GetProperty(name).GetInt64();

    internal static int[][] Shapes(JsonElement arguments, string name)
        => arguments.TryGetProperty(name, out var shapes)
            ? [.. shapes.EnumerateArray().Select(shape => shape.EnumerateObject().First().Value)
                .Select(shape => shape.EnumerateArray().Select(size => size.GetInt32()).ToArray())]
            : [];

    private static bool IsKernel(JsonElement one)
        => one.GetProperty("cat").ValueEquals("Node")
            && one.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal);

    private static int[]? Ids(JsonElement node)
    {
        var arguments = node.GetProperty("args");
        return arguments.GetProperty("op_name").GetString()!.StartsWith("Gather", StringComparison.Ordinal)
            && Shapes(arguments, "input_type_shape") is [_, [_, _] ids, ..] ? ids : null;
    }
}

/// <summary>Holds a run of the graph.</summary>
/// <param name="Start">Microseconds since the session began.</param>
/// <param name="Microseconds">How long it took.</param>
/// <param name="Rows">Rows of the batch.</param>
/// <param name="Tokens">Tokens of each row.</param>
/// <param name="Operators">What ran.</param>
internal sealed record ProfileRun(
    long Start, long Microseconds, int Rows, int Tokens, IReadOnlyList<ProfileOperator> Operators);

/// <summary>Holds a run of an operator.</summary>
internal sealed record ProfileOperator(string Name, long Microseconds, long WeightBytes)
{
    public static ProfileOperator Read(JsonElement node)
    {
        var arguments = node.GetProperty("args");
        var name = arguments.GetProperty("op_name").GetString()!;
        var microseconds = ProfileEvents.Number(node, "dur");
        if (!name.Contains("MatMul", StringComparison.Ordinal)
            || ProfileEvents.Shapes(arguments, "input_type_shape") is not [[.., var taken], ..]
            || ProfileEvents.Shapes(arguments, "output_type_shape") is not [[.., var given], ..])
        {
            return new ProfileOperator(name, microseconds, 0);
        }

        var bytes = arguments.GetProperty("parameter_size").GetString()!;
        return new ProfileOperator(
            string.Create(CultureInfo.InvariantCulture, $"{name} {taken} → {given}"), microseconds,
            long.Parse(bytes, CultureInfo.InvariantCulture));
    }
}
