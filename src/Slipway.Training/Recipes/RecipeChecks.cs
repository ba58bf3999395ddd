using Slipway.Training.Adapters;
using Slipway.Training.Methods;

namespace Slipway.Training.Recipes;

/// <summary>Holds the parts of a recipe against each other.</summary>
internal static class RecipeChecks
{
    /// <summary>Reports what does not fit together.</summary>
    public static void Check(Recipe recipe, RecipeSection root)
    {
        var held = recipe.Data.Preferences is not null || recipe.Data.Mistakes is not null ? "preferences"
            : recipe.Data.Text is not null ? "text"
            : recipe.Data.Examples is not null ? "examples" : "conversations";
        foreach (var method in recipe.Stages.Select(stage => TrainingMethods.Of(stage.Kind)).Distinct())
        {
            var needed = method.Data switch
            {
                MethodData.Preferences when held != "preferences" => "preferences",
                MethodData.Conversations when held != "conversations" => "conversations",
                MethodData.Any when held is "preferences" or "examples" => "text or conversations",
                MethodData.Examples when held != "examples" && recipe.Data.Corpus is null => "examples or a corpus",
                _ => null,
            };
            if (needed is not null)
            {
                root.Report(
                    "stages", $"has one of the kind '{method.Name}', which needs {needed}; 'data' holds {held}.");
            }
        }

        if (recipe.Stages.Any(stage => TrainingMethods.Of(stage.Kind).Task is not null))
        {
            CheckEncoder(recipe, root);
            return;
        }

        if (recipe.Labels is not null)
        {
            root.Report("labels", "belongs to stages of the kinds 'classify' and 'tag'.");
        }

        if (recipe.Start is null && (recipe.Adapter is not null || recipe.BaseQuantization is not null))
        {
            root.Report("start", "is missing; an adapter is trained beside the weights of a checkpoint.");
        }

        if (recipe.Data.Mistakes is not null)
        {
            CheckMistakes(recipe, root);
        }

        foreach (var stage in recipe.Stages.Where(stage => stage.Rollouts is not null))
        {
            CheckRollouts(recipe, stage, root);
        }

        if (recipe.Adapter is null && recipe.BaseQuantization is not null)
        {
            root.Report("adapter", "is missing; weights in 4-bit codes are not trained themselves.");
        }

        if (recipe.Stages.Any(stage => stage.Kind == StageKind.Distill) != (recipe.Teacher is not null))
        {
            root.Report("teacher", "belongs to stages of the kind 'distill'; expected both or neither.");
        }

        CheckPatience(recipe, root);
    }

    private static void CheckPatience(Recipe recipe, RecipeSection root)
    {
        if (recipe.Stages.Any(stage => stage.Patience > 0 && stage.EvaluateEvery == 0)
            || (recipe.Stages.Any(stage => stage.Patience > 0) && recipe.Data.Evaluation is null
                && recipe.Data.EvaluationConversations == 0))
        {
            root.Report("stages", "has one with 'patience', which needs 'evaluate_every' and held-out data.");
        }
    }

    private static void CheckEncoder(Recipe recipe, RecipeSection root)
    {
        CheckPatience(recipe, root);
        var names = recipe.Stages.Select(stage => TrainingMethods.Of(stage.Kind).Name).Distinct().ToArray();
        if (names.Length > 1)
        {
            root.Report(
                "stages", $"has the kinds '{string.Join("', '", names)}', whose models end differently; use a recipe "
                + "for each, the second with the first one's output as its 'start'.");
        }

        foreach (var (key, isThere) in new[]
        {
            ("adapter", recipe.Adapter is not null), ("base_quantization", recipe.BaseQuantization is not null),
            ("teacher", recipe.Teacher is not null), ("chat_template", recipe.ChatTemplate is not null),
            ("model", recipe.Start is not null && recipe.Model.Count > 0),
            ("data.mistakes", recipe.Data.Mistakes is not null),
            ("stages.samples", recipe.Stages.Any(stage => stage.Samples.Count > 0)),
            ("labels", recipe.Labels is not null && recipe.Stages.Any(
                stage => stage.Kind is not (StageKind.Classify or StageKind.Tag))),
        })
        {
            if (isThere)
            {
                root.Report(key, key == "model"
                    ? "is the start's; leave it out." : $"cannot go with stages of the kind '{names[0]}'.");
            }
        }
    }

    private static void CheckMistakes(Recipe recipe, RecipeSection root)
    {
        if (recipe.Start is null)
        {
            root.Report("start", "is missing; a model that answers must be there to learn from its mistakes.");
        }

        if (recipe.Data.Preferences is not null || recipe.Data.Text is not null)
        {
            root.Report(
                "data", "has 'mistakes', which are made of conversations; expected 'corpus' or 'conversations'.");
        }

        if (recipe.Data.Evaluation is not null || recipe.Data.EvaluationConversations > 0)
        {
            root.Report("data", "has 'mistakes', which are all learned from; expected no held-out data.");
        }
    }

    private static void CheckRollouts(Recipe recipe, StageRecipe stage, RecipeSection root)
    {
        if (recipe.Start is null)
        {
            root.Report("start", "is missing; a model that answers must be there to learn from its answers.");
        }

        if (recipe.BaseQuantization is not null)
        {
            root.Report("base_quantization", "cannot go with stages of the kind 'grpo', whose weights are exported.");
        }

        if (recipe.Adapter is { Kind: not AdapterKind.Lora })
        {
            root.Report(
                "adapter", "cannot go with stages of the kind 'grpo', unless it is 'lora': the model is exported.");
        }

        if (recipe.Teacher is not null && stage.Rollouts!.Beta > 0)
        {
            root.Report(
                "stages", "has one of the kind 'grpo' with 'beta', which is held to 'start', beside a 'teacher'; "
                + "use two recipes.");
        }

        if (stage.Accumulation > 1)
        {
            root.Report(
                "stages", "has one of the kind 'grpo' with 'accumulation', and its answers are written for a step at "
                + "once; raise 'batch_size' instead.");
        }

        if (stage.EvaluateEvery > 0 || stage.Patience > 0)
        {
            root.Report(
                "stages", "has one of the kind 'grpo' with 'evaluate_every' or 'patience'; rewards are in its log, and "
                + "'slipway eval' scores its checkpoint.");
        }
    }
}
