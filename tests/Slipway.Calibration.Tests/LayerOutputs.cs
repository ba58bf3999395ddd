using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;

namespace Slipway.Calibration.Tests;

/// <summary>Compares what the layers of a quantized package give with what those of its float package give.</summary>
internal static class LayerOutputs
{
    /// <summary>
    /// The squared error of each matrix's outputs over texts, as a part of their square, by the matrix's name.
    /// </summary>
    /// <param name="single">The float package.</param>
    /// <param name="quantized">The quantized one.</param>
    /// <param name="texts">Texts of one length; their first tokens do not count.</param>
    public static IReadOnlyDictionary<string, double> Errors(string single, string quantized, int[][] texts)
    {
        var graph = OnnxFile.Read(ModelPackage.Open(single).ModelPath).Graph;
        var other = OnnxFile.Read(ModelPackage.Open(quantized).ModelPath).Graph;
        List<(string Input, string Weight)> layers =
        [
            .. graph.Nodes.Where(node => node.OpType == "FusedMatMul").Select(node => (node.Inputs[0], node.Inputs[1])),
            .. graph.Nodes.Where(node => node.OpType == "MoE").Select(node => (node.Inputs[0], node.Inputs[2])),
        ];
        layers = [.. layers.DistinctBy(layer => layer.Weight)
            .Where(layer => other.FindInitializer($"{layer.Weight}.codes") is not null)];
        var inputs = Run(single, graph, [.. layers.Select(layer => layer.Input).Distinct()], texts);
        return layers.ToDictionary(layer => layer.Weight, layer => Error(
            inputs[layer.Input], Floats(single, graph.FindInitializer(layer.Weight)!),
            Dequantized(quantized, other, layer.Weight, (int)graph.FindInitializer(layer.Weight)!.Shape[^1]),
            (int)graph.FindInitializer(layer.Weight)!.Shape[^1], texts.Length));
    }

    /// <summary>
    /// The squared error of the hidden states that layers have added to, as a part of their square, by their names;
    /// what layers before have lost counts too.
    /// </summary>
    public static IReadOnlyDictionary<string, double> HiddenErrors(string single, string quantized, int[][] texts)
    {
        Graph Read(string folder) => OnnxFile.Read(ModelPackage.Open(folder).ModelPath).Graph;
        string[] hidden =
        [
            .. Read(single).Nodes.Where(node => node.OpType == "SkipSimplifiedLayerNormalization")
                .Select(node => node.Outputs[3]),
            .. Read(single).Nodes.Where(node => node.OpType == "LayerNormalization").Select(node => node.Inputs[0])
                .Skip(1),
        ];
        var expected = Run(single, Read(single), hidden, texts);
        var actual = Run(quantized, Read(quantized), hidden, texts);
        return hidden.ToDictionary(name => name, name =>
            expected[name].Zip(actual[name], (x, y) => Math.Pow(x - y, 2)).Sum()
            / expected[name].Sum(x => Math.Pow(x, 2)));
    }

    /// <summary>The texts that a calibration has kept in a folder.</summary>
    public static int[][] KeptTexts(string folder) =>
    [
        .. JsonNode.Parse(File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder))))!["texts"]!.AsArray()
            .Select(text => text!.AsArray().Select(id => id!.GetValue<int>()).ToArray()),
    ];

    private static double Error(float[] x, float[] weights, float[] quantized, int columns, int texts)
    {
        var (error, size) = (0.0, 0.0);
        var length = x.Length / columns / texts;
        for (var token = 0; token < x.Length / columns; token++)
        {
            for (var row = 0; token % length > 0 && row < weights.Length / columns; row++)
            {
                var (y, difference) = (0.0, 0.0);
                for (var column = 0; column < columns; column++)
                {
                    var (input, index) = (x[(token * columns) + column], (row * columns) + column);
                    y += input * weights[index];
                    difference += input * (quantized[index] - weights[index]);
                }

                error += difference * difference;
                size += y * y;
            }
        }

        return error / size;
    }

    private static Dictionary<string, float[]> Run(string folder, Graph graph, string[] values, int[][] texts)
    {
        foreach (var value in values)
        {
            graph.AddOutput(new GraphValue(value), ElementType.Float32, "rows", "length", "size");
        }

        using MemoryStream file = new();
        OnnxFile.Write(new OnnxModel(graph), file);
        using SessionOptions options = new();
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
        using InferenceSession session = new(file.ToArray(), options);
        long count = texts.Length, length = texts[0].Length;
        Dictionary<string, OrtValue> inputs = new()
        {
            ["input_ids"] = OrtValue.CreateTensorValueFromMemory(
                texts.SelectMany(text => text).Select(id => (long)id).ToArray(), [count, length]),
            ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(
                Enumerable.Repeat(1L, (int)(count * length)).ToArray(), [count, length]),
        };
        foreach (var (name, metadata) in session.InputMetadata.Where(
            input => input.Key.StartsWith("past", StringComparison.Ordinal)))
        {
            long[] shape = [count, .. metadata.Dimensions.Skip(1).Select(size => (long)Math.Max(size, 0))];
            inputs[name] = OrtValue.CreateTensorValueFromMemory(
                new float[shape.Aggregate((product, size) => product * size)], shape);
        }

        using RunOptions run = new();
        using var results = session.Run(run, inputs, values);
        return values.Zip(results).ToDictionary(
            pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }

    private static float[] Dequantized(string folder, Graph graph, string name, int columns)
    {
        var codes = Bytes(folder, graph.FindInitializer($"{name}.codes")!);
        var zeroPoints = Bytes(folder, graph.FindInitializer($"{name}.zero_points")!);
        var scales = Floats(folder, graph.FindInitializer($"{name}.scales")!);
        var blocks = (int)graph.FindInitializer($"{name}.scales")!.Shape[^1];
        int rows = scales.Length / blocks, rowBytes = codes.Length / rows, zeroBytes = zeroPoints.Length / rows;
        var blockSize = 2 * rowBytes / blocks;
        var values = new float[rows * columns];
        for (var index = 0; index < values.Length; index++)
        {
            int row = index / columns, column = index % columns, block = column / blockSize;
            var code = (codes[(row * rowBytes) + (column / 2)] >> (4 * (column & 1))) & 15;
            var zero = (zeroPoints[(row * zeroBytes) + (block / 2)] >> (4 * (block & 1))) & 15;
            values[index] = (code - zero) * scales[(row * blocks) + block];
        }

        return values;
    }

    private static float[] Floats(string folder, Initializer constant) => constant.Type == ElementType.Float16
        ? [.. MemoryMarshal.Cast<byte, Half>(Bytes(folder, constant)).ToArray().Select(value => (float)value)]
        : MemoryMarshal.Cast<byte, float>(Bytes(folder, constant)).ToArray();

    private static byte[] Bytes(string folder, Initializer constant)
    {
        if (constant.Data is TensorData.Inline inline)
        {
            return inline.Bytes.ToArray();
        }

        var data = (TensorData.External)constant.Data;
        using var stream = File.OpenRead(Path.Combine(folder, data.File));
        stream.Position = data.Offset;
        var bytes = new byte[data.Count];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
