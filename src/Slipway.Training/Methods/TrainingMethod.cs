using Slipway.Training.Losses;
using Slipway.Training.Models.Encoders;
using Slipway.Training.Recipes;

namespace Slipway.Training.Methods;

/// <summary>Names the kinds of data that a method learns from.</summary>
internal enum MethodData
{
    /// <summary>Text or conversations.</summary>
    Any,

    /// <summary>Conversations.</summary>
    Conversations,

    /// <summary>Pairs of a preferred and a rejected answer.</summary>
    Preferences,

    /// <summary>Examples of an encoder, or a corpus that they are made of.</summary>
    Examples,
}

/// <summary>Says how a kind of stage is named and set in recipes, and what it learns from.</summary>
/// <param name="Name">The value of <c>kind</c>.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Data">The data that it learns from.</param>
/// <param name="Preference">Reads the settings of a loss of pairs; null where the method has none.</param>
internal sealed record TrainingMethod(
    string Name, StageKind Kind, MethodData Data, Func<RecipeSection, PreferenceLoss>? Preference = null)
{
    /// <summary>The encoder's task; null for methods of decoders.</summary>
    public EncoderTask? Task { get; init; }
}

/// <summary>Lists the methods of stages.</summary>
internal static class TrainingMethods
{
    private const MethodData Pairs = MethodData.Preferences;

    public static IReadOnlyList<TrainingMethod> All { get; } =
    [
        new("pretrain", StageKind.Pretrain, MethodData.Any),
        new("sft", StageKind.Sft, MethodData.Conversations),
        new("distill", StageKind.Distill, MethodData.Conversations),
        new("grpo", StageKind.Grpo, MethodData.Conversations),
        new("dpo", StageKind.Dpo, Pairs, section => new DpoLoss(
            Beta(section, 0.1), section.Number("chosen_weight", 0, 0, 100))),
        new("ipo", StageKind.Ipo, Pairs, section => new IpoLoss(Beta(section, 0.1))),
        new("simpo", StageKind.SimPo, Pairs, section => new SimPoLoss(
            Beta(section, 2), section.Number("gamma", 0.5, 0, 100))),
        new("orpo", StageKind.Orpo, Pairs, section => new OrpoLoss(section.Number("lambda", 0.1, 0, 100))),
        new("kto", StageKind.Kto, Pairs, section => new KtoLoss(
            Beta(section, 0.1), section.Number("desirable_weight", 1, 0, 100),
            section.Number("undesirable_weight", 1, 0, 100))),
        new("mlm", StageKind.MaskedLanguageModel, MethodData.Any) { Task = EncoderTask.MaskedLanguageModel },
        new("classify", StageKind.Classify, MethodData.Examples) { Task = EncoderTask.SequenceClassification },
        new("tag", StageKind.Tag, MethodData.Examples) { Task = EncoderTask.TokenClassification },
        new("embed", StageKind.Embed, MethodData.Examples) { Task = EncoderTask.States },
    ];

    public static TrainingMethod Of(StageKind kind) => All.First(row => row.Kind == kind);

    private static double Beta(RecipeSection section, double absent) => section.Number("beta", absent, 1e-6, 1e3);
}
