using System.Globalization;
using System.Numerics.Tensors;
using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Export.Quantization;

namespace Slipway.Export.Weights;

/// <summary>Hands out the tensors of a checkpoint, checks their shapes and remembers who was asked for.</summary>
internal sealed class TensorSource(Checkpoint checkpoint)
{
    private const int ComparedAtOnce = 1 << 16;

    // By the names that they are stored with.
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unneeded = new(StringComparer.Ordinal);

    // Names whose tensor stands under another one.
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);

    public bool Has(string name) => Find(name) is not null;

    /// <summary>A matrix [rows, columns].</summary>
    public Weight Matrix(string name, int rows, int columns)
    {
        var stored = Require(name, [rows, columns]);
        return new CheckpointWeight(checkpoint, stored, rows, columns);
    }

    /// <summary>A tensor [count, rows, columns] as matrices one below the other.</summary>
    public Weight Stack(string name, int count, int rows, int columns)
    {
        var stored = Require(name, [count, rows, columns]);
        return new CheckpointWeight(checkpoint, stored, checked(count * rows), columns);
    }

    /// <summary>A tensor [count, columns, rows] as turned matrices one below the other.</summary>
    public Weight TransposedStack(string name, int count, int rows, int columns)
    {
        var stored = Require(name, [count, columns, rows]);
        return new TransposedStack(checkpoint, stored, count, rows, columns);
    }

    /// <summary>A tensor of any shape as one list.</summary>
    public float[] Numbers(string name, params long[] shape)
    {
        var stored = Require(name, shape);
        var values = new float[checked((int)checkpoint.Tensors[stored].Count)];
        checkpoint.ReadFloats(stored, 0, values);
        return TensorPrimitives.IsFiniteAll<float>(values) ? values : throw new CheckpointException(
            $"Tensor '{stored}' of '{checkpoint.Path}' holds a number that is "
            + $"'{Array.Find(values, value => !float.IsFinite(value)).ToString(CultureInfo.InvariantCulture)}', not a "
            + "finite one: the checkpoint is damaged or its training diverged.", checkpoint.Path, stored);
    }

    /// <summary>A list of numbers, [count].</summary>
    public float[] Vector(string name, int count) => Numbers(name, count);

    /// <summary>Lets a name stand for the tensor of another one.</summary>
    public void Alias(string name, string target) => _aliases[name] = target;

    /// <summary>Tells whether a tensor that is meant to be another's copy is one; it is not needed then.</summary>
    /// <remarks>
    /// Libraries keep the tensor as one of its own where its numbers differ, whatever the configuration says of tying.
    /// </remarks>
    public bool Tie(string copy, string original)
    {
        if (!AreEqual(Find(copy), Find(original)))
        {
            return false;
        }

        Ignore(copy);
        return true;
    }

    /// <summary>Marks a tensor that the model is known to do without.</summary>
    public void Ignore(string name)
    {
        if (Find(name) is { } tensor)
        {
            _unneeded.Add(tensor.Name);
        }
    }

    /// <summary>Marks all tensors of a module that the model is known to do without.</summary>
    /// <param name="module">The module's name below the model's body, such as <c>layers.61</c>.</param>
    public void IgnoreModule(string module) => _unneeded.UnionWith(
        checkpoint.Tensors.Keys.Where(name => $".{name}".Contains($".{module}.", StringComparison.Ordinal)));

    /// <summary>Tensors that the model does not use, by the names that they are stored with.</summary>
    public IReadOnlyList<string> Unused() =>
        [.. checkpoint.Tensors.Keys.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal)];

    /// <summary>Those of <see cref="Unused"/> that the model is not known to do without.</summary>
    public IReadOnlyList<string> Unknown() => [.. Unused().Where(name => !_unneeded.Contains(name))];

    private bool AreEqual(TensorInfo? first, TensorInfo? second)
    {
        if (first is null || second is null || first.Name == second.Name || !first.Shape.SequenceEqual(second.Shape))
        {
            return first?.Name == second?.Name;
        }

        float[] left = new float[ComparedAtOnce], right = new float[ComparedAtOnce];
        for (long start = 0; start < first.Count; start += ComparedAtOnce)
        {
            var count = (int)Math.Min(ComparedAtOnce, first.Count - start);
            checkpoint.ReadFloats(first.Name, start, left.AsSpan(0, count));
            checkpoint.ReadFloats(second.Name, start, right.AsSpan(0, count));
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
            {
                return false;
            }
        }

        return true;
    }

    private TensorInfo? Find(string name) => checkpoint.FindTensor(_aliases.GetValueOrDefault(name, name));

    // The name that the tensor is stored with.
    private string Require(string name, IReadOnlyList<long> shape)
    {
        var tensor = Find(name) ?? throw new CheckpointException(
            $"The checkpoint '{checkpoint.Path}' lacks the tensor '{name}' of shape {TensorInfo.FormatShape(shape)}, "
            + $"which its configuration calls for. {Remedy(name)}", checkpoint.Path, name);
        QuantizedWeights.RequireNumbers(checkpoint, tensor);
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' of '{checkpoint.Path}' has the shape {TensorInfo.FormatShape(tensor.Shape)}; "
                + $"its configuration calls for {TensorInfo.FormatShape(shape)}. Correct whichever is wrong.",
                checkpoint.Path, tensor.Name);
        }

        _used.Add(tensor.Name);
        return tensor.Name;
    }

    // The name of a tensor that is there shows whether the weights are another model's.
    private string Remedy(string name) => checkpoint.Tensors.Count == 0
        ? "Its files hold no tensors: give the model's own weight file."
        : $"It holds {checkpoint.Tensors.Count} tensors, such "
            + $"as '{checkpoint.Tensors.Keys.Order(StringComparer.Ordinal).First()}'. Put a 'config.json' of the model "
            + $"that these weights belong to beside them, or the weight file that holds '{name}'.";
}

/// <summary>Refuses weights that are stored as codes which this exporter does not read as numbers.</summary>
internal static class QuantizedWeights
{
    private const string Section = "quantization_config";

    /// <summary>Refuses a method of quantization that is not read.</summary>
    /// <remarks>
    /// A configuration may name one for weights that are plain numbers: they are quantized when they are loaded.
    /// </remarks>
    /// <exception cref="NotSupportedException">The method is not read.</exception>
    public static void Check(ConfigReader config, Checkpoint checkpoint)
    {
        if (checkpoint.Quantization is null && config.Section(Section) is { } section
            && section.Text("quant_method", "") is var method
            && !CheckpointFormats.QuantizationMethods.Contains(method, StringComparer.OrdinalIgnoreCase)
            && checkpoint.Tensors.Values.Any(tensor => tensor.Type.IsCode()))
        {
            var format = section.Text("format", section.Text("quant_algo", ""));
            throw new NotSupportedException(
                $"The weights of '{checkpoint.Path}' are quantized by the method '{method}'"
                + $"{(format.Length > 0 ? $" in the format '{format}'" : "")}, which cannot be read; expected "
                + $"{string.Join(", ", CheckpointFormats.QuantizationMethods.Select(known => $"'{known}'"))} or none. "
                + "Export the checkpoint that they were quantized from, with --precision int4 or int8.");
        }
    }

    /// <summary>Tells that codes of a checkpoint were quantized anew, which loses some of their values.</summary>
    public static IEnumerable<string> Warn(
        Checkpoint checkpoint, IReadOnlyList<string> requantized, ExportOptions options)
    {
        if (requantized.Count > 0)
        {
            var table = QuantizationMethods.All.FirstOrDefault(method => method.Values is not null
                && checkpoint.Quantized.Values.Any(stored => CodeTable.AreEqual(stored.Values, method.Values)));
            var remedy = table is null || options.Precision != Precision.Int4
                ? "" : $", or by the method '{table.Name}', which is slower";
            yield return $"'{checkpoint.Quantization}' stores {requantized.Count} weights of '{checkpoint.Path}', such "
                + $"as '{requantized[0]}', in a form that {Precisions.NameOf(options.Precision)} cannot hold. They "
                + "were quantized anew from the values that their codes stand for, which loses some of them: export it "
                + $"to fp16 or fp32 to keep them{remedy}.";
        }
    }

    /// <summary>Refuses a tensor of codes whose scales would be left out.</summary>
    /// <exception cref="NotSupportedException">The tensor holds codes.</exception>
    public static void RequireNumbers(Checkpoint checkpoint, TensorInfo tensor)
    {
        var module = tensor.Name.EndsWith(".weight", StringComparison.Ordinal)
            ? tensor.Name[..^"weight".Length] : tensor.Name;
        if (!tensor.Type.IsCode() || (IsFloat8(tensor.Type) && !checkpoint.Tensors.Keys.Any(name =>
            name.StartsWith(module, StringComparison.Ordinal) && name.Contains("scale", StringComparison.Ordinal))))
        {
            return;
        }

        throw new NotSupportedException(
            $"Tensor '{tensor.Name}' of '{checkpoint.Path}' is stored as '{tensor.Type}', codes of a quantization that "
            + "cannot be read. Export the checkpoint that it was quantized from, with --precision int4 or int8.");
    }

    private static bool IsFloat8(TensorType type) => type is TensorType.F8_E4M3 or TensorType.F8_E5M2;
}
