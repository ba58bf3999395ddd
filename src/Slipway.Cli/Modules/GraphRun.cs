using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Cli.Modules;

/// <summary>Runs a graph once over the tensors of a file, and compares graphs.</summary>
internal static class GraphRun
{
    /// <summary>Runs.</summary>
    public static void Run(
        VerbContext context, string graph, string input, string output, LanguageModelOptions options, bool asJson,
        CancellationToken cancellationToken)
    {
        using var model = OnnxTensorModel.Load(graph, new OnnxTensorModelOptions
        {
            Threads = options.Threads,
            ExecutionProviders = options.ExecutionProviders,
            ExecutionProviderOptions = options.ExecutionProviderOptions,
        });
        var inputs = Read(context, model, input);
        var started = Stopwatch.GetTimestamp();
        var outputs = model.Run(inputs, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        SafetensorsWriter.Write(
            output, [.. outputs.Select(item => GraphElement.Find(item.Value).Entry(item.Key, item.Value))]);
        if (asJson)
        {
            context.WriteJson(new JsonObject
            {
                ["inputs"] = Shapes(inputs), ["outputs"] = Shapes(outputs), ["seconds"] = Math.Round(seconds, 4),
            });
            return;
        }

        foreach (var (name, tensor) in outputs)
        {
            context.Output.WriteLine($"{name} {TensorInfo.FormatShape(Shape(tensor))} in '{output}'");
        }
    }

    /// <summary>The largest difference of each output of two graphs on the same inputs.</summary>
    public static IReadOnlyList<(string Name, double Absolute, double Relative)> Compare(
        VerbContext context, string expected, string actual, string input, CancellationToken cancellationToken)
    {
        using var left = OnnxTensorModel.Load(expected);
        using var right = OnnxTensorModel.Load(actual);
        var inputs = Read(context, left, input);
        var (wanted, found) = (left.Run(inputs, cancellationToken), right.Run(inputs, cancellationToken));
        return [.. wanted.Select(item =>
        {
            var (a, b) = (Numbers(item.Value), Numbers(found[item.Key]));
            TensorPrimitives.Subtract<double>(b, a, b);
            var (difference, scale) = (Largest(b), Largest(a));
            return (item.Key, difference, difference.Equals(0.0) ? 0 : difference / Math.Max(scale, 1e-30));
        })];

        static double[] Numbers(IReadOnlyTensor tensor) => GraphElement.Find(tensor).Numbers(tensor);

        static double Largest(double[] values)
            => values.Length == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude<double>(values));
    }

    private static NamedTensors Read(VerbContext context, OnnxTensorModel model, string path)
    {
        using var file = Checkpoint.Open(path);
        NamedTensors inputs = [];
        foreach (var tensor in file.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            if (model.Inputs.All(port => port.Name != tensor.Name))
            {
                context.Error.WriteLine(
                    $"slipway: '{tensor.Name}' of '{path}' is no input of this graph and was not read.");
                continue;
            }

            var bytes = new byte[tensor.ByteLength];
            file.ReadBytes(tensor.Name, 0, bytes);
            GraphElement.Find(tensor).Add(
                inputs, tensor.Name, bytes, [.. tensor.Shape.Select(size => (nint)size)]);
        }

        return inputs;
    }

    private static JsonObject Shapes(NamedTensors tensors) => new(tensors.Select(item => KeyValuePair.Create(
        item.Key, (JsonNode?)new JsonArray([.. Shape(item.Value).Select(size => (JsonNode)size)]))));

    private static long[] Shape(IReadOnlyTensor tensor) => [.. tensor.Lengths.ToArray().Select(size => (long)size)];
}
