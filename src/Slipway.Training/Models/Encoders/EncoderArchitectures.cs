using Slipway.Training.Modules;
using Slipway.Training.Text;

namespace Slipway.Training.Models.Encoders;

/// <summary>Lists the families of encoders that can be trained.</summary>
internal static class EncoderArchitectures
{
    private static readonly (EncoderTask Task, string Ending)[] Tasks =
    [
        (EncoderTask.States, "Model"), (EncoderTask.MaskedLanguageModel, "ForMaskedLM"),
        (EncoderTask.SequenceClassification, "ForSequenceClassification"),
        (EncoderTask.TokenClassification, "ForTokenClassification"),
    ];

    // Devlin and others, 2018.
    private static readonly EncoderArchitecture Bert = new("Bert", "bert")
    {
        Heads = new Dictionary<EncoderTask, EncoderHeadNames>
        {
            [EncoderTask.MaskedLanguageModel] = new(
                "cls.predictions.decoder", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                Bias: "cls.predictions.bias"),
            [EncoderTask.SequenceClassification] = new(
                "classifier", "bert.pooler.dense", Activation: Activations.Tanh),
            [EncoderTask.TokenClassification] = new("classifier"),
        },
        Unused = ["bert.pooler", "cls.seq_relationship"],
    };

    // Liu and others, 2019.
    private static readonly EncoderArchitecture Roberta = new("Roberta", "roberta")
    {
        PositionsAfterPadding = true,
        OneTokenType = true,
        Heads = new Dictionary<EncoderTask, EncoderHeadNames>
        {
            [EncoderTask.MaskedLanguageModel] = new(
                "lm_head.decoder", "lm_head.dense", "lm_head.layer_norm", Activations.Gelu, "lm_head.bias"),
            [EncoderTask.SequenceClassification] = new(
                "classifier.out_proj", "classifier.dense", Activation: Activations.Tanh),
            [EncoderTask.TokenClassification] = new("classifier"),
        },
        Unused = ["roberta.pooler"],
    };

    private static readonly EncoderArchitecture[] Rows =
    [
        Bert,
        Roberta,
        Roberta with { Name = "XLMRoberta" },

        // Sanh and others, 2019.
        new("DistilBert", "distilbert")
        {
            NormEpsilon = 1e-12,
            Keys = new Dictionary<string, string>
            {
                ["hidden_size"] = "dim", ["intermediate_size"] = "hidden_dim", ["num_hidden_layers"] = "n_layers",
                ["num_attention_heads"] = "n_heads", ["hidden_act"] = "activation",
            },
            Names = new(Types: null, Layers: "transformer.layer")
            {
                Layer = new(
                    "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
                    "ffn.lin1", "ffn.lin2", "output_layer_norm"),
            },
            Heads = new Dictionary<EncoderTask, EncoderHeadNames>
            {
                [EncoderTask.MaskedLanguageModel] = new("vocab_projector", "vocab_transform", "vocab_layer_norm"),
                [EncoderTask.SequenceClassification] = new(
                    "classifier", "pre_classifier", Activation: Activations.Relu),
                [EncoderTask.TokenClassification] = new("classifier"),
            },
        },

        // Warner and others, 2024.
        new("ModernBert", "model")
        {
            IsModern = true,
            Keys = new Dictionary<string, string>
            {
                ["hidden_act"] = "hidden_activation", ["layer_norm_eps"] = "norm_eps",
            },
            Names = new("embeddings.tok_embeddings", null, null, "embeddings.norm", "layers"),
            Heads = new Dictionary<EncoderTask, EncoderHeadNames>
            {
                [EncoderTask.MaskedLanguageModel] = new("decoder", "head.dense", "head.norm"),
                [EncoderTask.SequenceClassification] = new("classifier", "head.dense", "head.norm"),
                [EncoderTask.TokenClassification] = new("classifier", "head.dense", "head.norm"),
            },
        },
    ];

    /// <summary>Finds a family and a task by a class name.</summary>
    /// <exception cref="NotSupportedException">No row has this name.</exception>
    public static (EncoderArchitecture Architecture, EncoderTask Task) Find(string name)
    {
        var all = Rows.SelectMany(row => Tasks.Select(task => (Row: row, task.Task, Name: row.Name + task.Ending)));
        var found = all.FirstOrDefault(one => one.Name == name);
        return found.Row is not null ? (found.Row, found.Task) : throw new NotSupportedException(
            $"Architecture '{name}' cannot be trained as an encoder. The nearest is "
            + $"'{NearestName.Find(name, [.. all.Select(one => one.Name)])}'.");
    }

    /// <summary>Names a family's class of a task.</summary>
    public static string NameOf(EncoderArchitecture architecture, EncoderTask task) =>
        architecture.Name + Tasks.First(one => one.Task == task).Ending;
}
