using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Cli.Modules;
using Slipway.Encoders;

namespace Slipway.Cli.Verbs;

/// <summary>Runs a model once over token ids from a file.</summary>
internal static class RunVerb
{
    private const string Ids = "input_ids";
    private const string Mask = "attention_mask";

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description = "A package folder, or a graph (.onnx, or a folder with a model.onnx).",
        };
        var input = new Option<string>("--input", "-i")
        {
            Description =
                "A safetensors file with input_ids [batch, sequence] (int64). For an encoder with its other inputs "
                + "too: attention_mask is 1 everywhere where it is left out, token_type_ids 0. For a "
                + "graph alone with every input by its name, in the type that it has.",
            Required = true,
        };
        var output = new Option<string>("--output", "-o")
        {
            Description =
                "The safetensors file to write (float32): a decoder's logits [batch, sequence, vocabulary], or every "
                + "output that an encoder has.",
            Required = true,
        };
        var adapter = new Option<string?>("--adapter") { Description = "The package's LoRA adapter to run with." };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "run", "Run one forward pass. Example: slipway run package -i ids.safetensors -o logits.safetensors")
        {
            package, input, output, adapter, json,
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var folder = result.GetRequiredValue(package);
            if (GraphFolders.Find(folder) is { } graph)
            {
                OptionChecks.RequireNone(result, [adapter], $"is for packages; '{folder}' is a graph alone.");
                GraphRun.Run(
                    context, graph, result.GetRequiredValue(input), result.GetRequiredValue(output),
                    resources.Read(result), result.GetValue(json), cancellationToken);
                return 0;
            }

            using var inputs = RunInputs.Open(result.GetRequiredValue(input));
            var run = PackageKinds.IsEncoder(folder)
                ? RunEncoder(folder, inputs, result.GetValue(adapter), resources.Read(result))
                : await RunDecoderAsync(
                    folder, inputs, result.GetValue(adapter), resources.Read(result), cancellationToken)
                    .ConfigureAwait(false);
            foreach (var unread in inputs.Unread)
            {
                await context.Error.WriteLineAsync(
                    $"slipway: '{unread}' of '{inputs.Path}' is no input of this model and was not read.")
                    .ConfigureAwait(false);
            }

            var path = result.GetRequiredValue(output);
            SafetensorsWriter.Write(
                path, [.. run.Outputs.Select(item => SafetensorsEntry.From(item.Name, item.Values, item.Shape))]);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["inputs"] = new JsonObject(
                        run.Inputs.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)Shape(item.Shape)))),
                    ["outputs"] = new JsonObject(
                        run.Outputs.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)Shape(item.Shape)))),
                    ["seconds"] = Math.Round(run.Seconds, 4),
                    ["task"] = run.Task,
                    ["verb"] = run.Verb,
                });
            }
            else
            {
                foreach (var (name, _, shape) in run.Outputs)
                {
                    context.Output.WriteLine($"{name} {TensorInfo.FormatShape(shape)} in '{path}'");
                }

                context.Output.WriteLine(PackageKinds.Describe(folder, run.Task, run.Verb));
            }

            return 0;
        });
        return command;
    }

    private static async Task<ModelRun> RunDecoderAsync(
        string folder, RunInputs inputs, string? adapter, LanguageModelOptions options,
        CancellationToken cancellationToken)
    {
        var (ids, shape) = inputs.Read(Ids);
        var length = (int)shape[1];
        int[][] rows = [.. ids.Chunk(length).Select(row => row.Select(id => inputs.TokenId(id)).ToArray())];
        using var model = LanguageModel.Load(folder, options);
        var started = Stopwatch.GetTimestamp();
        var logits = new float[Checked(rows.Length, length, model.VocabularySize)];
        for (var row = 0; row < rows.Length; row++)
        {
            var values = await model.ForwardAsync(rows[row], adapter, cancellationToken).ConfigureAwait(false);
            values.Memory.CopyTo(logits.AsMemory(row * length * model.VocabularySize));
        }

        return new ModelRun(
            [(Ids, shape)], [("logits", logits, [rows.Length, length, model.VocabularySize])],
            Stopwatch.GetElapsedTime(started).TotalSeconds, PackageKinds.TextGeneration,
            PackageKinds.VerbOf(PackageKinds.TextGeneration, null));
    }

    private static ModelRun RunEncoder(
        string folder, RunInputs inputs, string? adapter, LanguageModelOptions options)
    {
        if (adapter is not null)
        {
            throw new UsageException(
                $"'{folder}' is the package of an encoder, which holds no adapters. Merge the adapter with "
                + "'slipway export --adapter', and leave --adapter out here.");
        }

        using var model = EncoderModel.Load(folder, options);
        var (ids, shape) = inputs.Read(Ids);
        if (model.Package.Manifest.ContextLength is { } longest && shape[1] > longest)
        {
            throw new UsageException(
                $"'{Ids}' of '{inputs.Path}' has {shape[1]} tokens a text; '{folder}' takes {longest}. Cut the texts "
                + "off.");
        }

        inputs.RequireTokens(ids, model.VocabularySize ?? int.MaxValue);
        Dictionary<string, (long[] Values, long[] Shape)> given = new() { [Ids] = (ids, shape) };
        foreach (var name in model.Inputs.Where(name => name != Ids))
        {
            given[name] = !inputs.Has(name)
                ? ([.. Enumerable.Repeat(name == Mask ? 1L : 0L, ids.Length)], shape)
                : inputs.Read(name) is var read && read.Shape.SequenceEqual(shape) ? read
                : throw new UsageException(
                    $"'{name}' of '{inputs.Path}' has the shape {TensorInfo.FormatShape(read.Shape)}; expected "
                    + $"{TensorInfo.FormatShape(shape)}, that of '{Ids}'.");
        }

        foreach (var name in model.OptionalInputs.Where(inputs.Has))
        {
            given[name] = inputs.ReadList(name);
        }

        var started = Stopwatch.GetTimestamp();
        var outputs = model.Run(given);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var task = PackageKinds.TaskOf(model.Package, model.Outputs);
        return new ModelRun(
            [.. given.Select(item => (item.Key, item.Value.Shape))], outputs, seconds, task,
            PackageKinds.VerbOf(task, outputs[0].Shape[^1]));
    }

    private static int Checked(long rows, long length, long vocabulary) => rows * length * vocabulary is var count
        && count <= Array.MaxLength
        ? (int)count
        : throw new UsageException(
            $"The logits [{rows}, {length}, {vocabulary}] are {count} numbers; at most {Array.MaxLength} are written. "
            + "Run fewer rows at a time.");

    private static JsonArray Shape(long[] shape) => new JsonArray([.. shape.Select(size => (JsonNode)size)]);

    private sealed record ModelRun(
        IReadOnlyList<(string Name, long[] Shape)> Inputs,
        IReadOnlyList<(string Name, float[] Values, long[] Shape)> Outputs, double Seconds, string Task, string Verb);
}
