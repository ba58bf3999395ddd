using Slipway.Checkpoints;
using Slipway.Export.Architectures.Encoders;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Packaging;

namespace Slipway.Export.Architectures;

/// <summary>A kind of model: what its graph is made of, and what its package says of it.</summary>
internal abstract class Architecture
{
    /// <summary>The longest sequence in tokens that the model was made for.</summary>
    public abstract int LongestSequence(ConfigReader config);

    /// <summary>Tells whether an int8 package multiplies hidden states as they are, not rounded to 8 bits.</summary>
    public virtual bool ExactActivations => false;

    /// <summary>Builds the graph.</summary>
    /// <param name="build">The model that is being exported.</param>
    /// <param name="checkpoint">Where files beside the weights are.</param>
    public abstract void Build(ModelBuild build, Checkpoint checkpoint);

    /// <summary>Writes the files that describe the graph.</summary>
    /// <param name="package">The package.</param>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="graphFile">The graph's file in the package.</param>
    /// <param name="contextLength">The longest sequence that the package allows.</param>
    /// <param name="window">The layers that keep keys and values of their last tokens only; null for none.</param>
    public abstract void Describe(
        PackageWriter package, Checkpoint checkpoint, ConfigReader config, string graphFile, int contextLength,
        GenAISlidingWindow? window);
}

/// <summary>The table of architectures: one row each, by the name in <c>architectures[0]</c> of <c>config.json</c>.
/// </summary>
internal static class ArchitectureTable
{
    public static IReadOnlyDictionary<string, Architecture> All { get; } = new Dictionary<string, Architecture>(
        PooledDecoders.All)
    {
        ["ArceeForCausalLM"] = new Arcee(),
        ["BertForMaskedLM"] = new Bert(EncoderTask.MaskedToken),
        ["BertForSequenceClassification"] = new Bert(EncoderTask.SequenceClassification),
        ["BertForTokenClassification"] = new Bert(EncoderTask.TokenClassification),
        ["BertModel"] = new Bert(EncoderTask.Features),
        ["Cohere2ForCausalLM"] = new Cohere2(),
        ["CohereForCausalLM"] = new Cohere(),
        ["DeepseekV2ForCausalLM"] = new DeepSeekV2(),
        ["DeepseekV3ForCausalLM"] = new DeepSeekV3(),
        ["DistilBertForMaskedLM"] = new DistilBert(EncoderTask.MaskedToken),
        ["DistilBertForSequenceClassification"] = new DistilBert(EncoderTask.SequenceClassification),
        ["DistilBertForTokenClassification"] = new DistilBert(EncoderTask.TokenClassification),
        ["DistilBertModel"] = new DistilBert(EncoderTask.Features),
        ["Ernie4_5ForCausalLM"] = new Ernie45(),
        ["Exaone4ForCausalLM"] = new Exaone4(),
        ["FalconForCausalLM"] = new Falcon(),
        ["GPT2LMHeadModel"] = new Gpt2(),
        ["GPTBigCodeForCausalLM"] = new GptBigCode(),
        ["GPTJForCausalLM"] = new GptJ(),
        ["GPTNeoXForCausalLM"] = new GptNeoX(),
        ["Gemma2ForCausalLM"] = new Gemma2(),
        ["Gemma3ForCausalLM"] = new Gemma3(),
        ["Gemma4ForCausalLM"] = new Gemma4(),
        ["Gemma4ForConditionalGeneration"] = new Gemma4(),
        ["GemmaForCausalLM"] = new Gemma(),
        ["Glm4ForCausalLM"] = new Glm4(),
        ["Glm4MoeForCausalLM"] = new Glm4Moe(),
        ["GptOssForCausalLM"] = new GptOss(),
        ["GraniteForCausalLM"] = new Granite(),
        ["GraniteMoeForCausalLM"] = new GraniteMoe(),
        ["GraniteMoeHybridForCausalLM"] = new GraniteMoeHybrid(),
        ["HunYuanDenseV1ForCausalLM"] = new HunYuan(),
        ["Lfm2ForCausalLM"] = new Lfm2(),
        ["LlamaForCausalLM"] = new Llama(),
        ["MPNetForMaskedLM"] = new Mpnet(EncoderTask.MaskedToken),
        ["MPNetForSequenceClassification"] = new Mpnet(EncoderTask.SequenceClassification),
        ["MPNetForTokenClassification"] = new Mpnet(EncoderTask.TokenClassification),
        ["MPNetModel"] = new Mpnet(EncoderTask.Features),
        ["Mamba2ForCausalLM"] = new Mamba2(),
        ["Ministral3ForCausalLM"] = new Ministral3(),
        ["MinistralForCausalLM"] = new Ministral(),
        ["MistralForCausalLM"] = new Mistral(),
        ["MixtralForCausalLM"] = new Mixtral(),
        ["ModernBertForMaskedLM"] = new ModernBert(EncoderTask.MaskedToken),
        ["ModernBertForSequenceClassification"] = new ModernBert(EncoderTask.SequenceClassification),
        ["ModernBertForTokenClassification"] = new ModernBert(EncoderTask.TokenClassification),
        ["ModernBertModel"] = new ModernBert(EncoderTask.Features),
        ["NemotronForCausalLM"] = new Nemotron(),
        ["OPTForCausalLM"] = new Opt(),
        ["Olmo2ForCausalLM"] = new Olmo2(),
        ["Olmo3ForCausalLM"] = new Olmo3(),
        ["OlmoForCausalLM"] = new Olmo(),
        ["OlmoeForCausalLM"] = new Olmoe(),
        ["Phi3ForCausalLM"] = new Phi3(),
        ["PhiForCausalLM"] = new Phi(),
        ["PhimoeForCausalLM"] = new PhiMoe(),
        ["Qwen2ForCausalLM"] = new Qwen2(),
        ["Qwen2MoeForCausalLM"] = new Qwen2Moe(),
        ["Qwen3ForCausalLM"] = new Qwen3(),
        ["Qwen3MoeForCausalLM"] = new Qwen3Moe(),
        ["Qwen3NextForCausalLM"] = new Qwen3Next(),
        ["Qwen3_5ForCausalLM"] = new Qwen35(),
        ["RobertaForMaskedLM"] = new Roberta(EncoderTask.MaskedToken),
        ["RobertaForSequenceClassification"] = new Roberta(EncoderTask.SequenceClassification),
        ["RobertaForTokenClassification"] = new Roberta(EncoderTask.TokenClassification),
        ["RobertaModel"] = new Roberta(EncoderTask.Features),
        ["SeedOssForCausalLM"] = new SeedOss(),
        ["SmolLM3ForCausalLM"] = new SmolLm3(),
        ["StableLmForCausalLM"] = new StableLm(),
        ["Starcoder2ForCausalLM"] = new Starcoder2(),
        ["XLMRobertaForMaskedLM"] = new Roberta(EncoderTask.MaskedToken),
        ["XLMRobertaForSequenceClassification"] = new Roberta(EncoderTask.SequenceClassification),
        ["XLMRobertaForTokenClassification"] = new Roberta(EncoderTask.TokenClassification),
        ["XLMRobertaModel"] = new Roberta(EncoderTask.Features),
    };
}
