using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Encoders;
using Slipway.Packaging;

namespace Slipway.Classifiers;

/// <summary>Reads a model's labels and how their logits become scores. Immutable.</summary>
/// <remarks>Source: <c>id2label</c> and <c>problem_type</c> as transformers' pipelines read them.</remarks>
internal sealed class ModelLabels
{
    private const string ConfigFile = "config.json";

    private readonly Scoring _scoring;

    private ModelLabels(IReadOnlyList<string> names, Scoring scoring) => (Names, _scoring) = (names, scoring);

    private enum Scoring
    {
        Softmax,
        Sigmoid,
        None,
    }

    /// <summary>The labels' names, by id.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Reads the labels of a model.</summary>
    /// <param name="files">The package.</param>
    /// <param name="outputs">The size of the graph's output.</param>
    /// <exception cref="NotSupportedException">The output is no list of labels.</exception>
    /// <exception cref="PackageException">The files contradict themselves.</exception>
    public static ModelLabels Read(PackageFiles files, int outputs)
    {
        var named = files.Find(ConfigFile, "id2label") as JsonObject;
        var count = named?.Count is > 0 and var size ? size : files.Number(ConfigFile, "num_labels") ?? 2;
        if (count != outputs)
        {
            throw new NotSupportedException(
                $"The model of '{files.Path}' gives {outputs} numbers where its '{ConfigFile}' has {count} labels, so "
                + "it classifies nothing. Give the package of a model for sequence or token classification.");
        }

        return new ModelLabels([.. Enumerable.Range(0, count).Select(Name)], ReadScoring(files, count));

        string Name(int id)
        {
            var key = id.ToString(CultureInfo.InvariantCulture);
            return named is null ? $"LABEL_{key}"
                : named[key] is JsonValue name && name.GetValueKind() == JsonValueKind.String
                ? name.GetValue<string>()
                : throw new PackageException(
                    files.Path,
                    $"'id2label' in '{ConfigFile}' of '{files.Path}' has no name for label {key}. Mend the file.");
        }
    }

    /// <summary>Makes labels of their names.</summary>
    public static ModelLabels Of(IReadOnlyList<string> names, bool severalMayFit)
        => new(names, severalMayFit || names.Count == 1 ? Scoring.Sigmoid : Scoring.Softmax);

    /// <summary>Turns logits into scores.</summary>
    /// <param name="logits">[labels].</param>
    /// <returns>[labels].</returns>
    public float[] Score(ReadOnlySpan<float> logits)
    {
        var scores = new float[logits.Length];
        switch (_scoring)
        {
            case Scoring.Softmax:
                Softmax(logits, scores);
                break;
            case Scoring.Sigmoid:
                TensorPrimitives.Sigmoid(logits, scores);
                break;
            default:
                logits.CopyTo(scores);
                break;
        }

        return scores;
    }

    /// <summary>Turns logits into probabilities that sum to 1.</summary>
    public static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        TensorPrimitives.Subtract(logits, TensorPrimitives.Max(logits), probabilities);
        TensorPrimitives.SoftMax(probabilities, probabilities);
    }

    private static Scoring ReadScoring(PackageFiles files, int count)
        => files.Text(ConfigFile, "problem_type") switch
        {
            "regression" => Scoring.None,
            "multi_label_classification" => Scoring.Sigmoid,
            "single_label_classification" or null => count == 1 ? Scoring.Sigmoid : Scoring.Softmax,
            var other => throw new NotSupportedException(
                $"'problem_type' in '{ConfigFile}' of '{files.Path}' is '{Excerpt.Of(other)}'; expected "
                + "'single_label_classification', 'multi_label_classification' or 'regression'. Mend the file."),
        };
}
