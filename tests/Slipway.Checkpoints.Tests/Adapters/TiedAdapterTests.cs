using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Adapters;

// A model of three tokens and two hidden numbers whose head is its embedding.
public sealed class TiedAdapterTests : IDisposable
{
    private const string Embedding = "model.embed_tokens.weight";
    private const string Head = "lm_head.weight";
    private const string Prefix = "base_model.model.";
    private static readonly float[] Base = [1, 2, 3, 4, 5, 6];
    private static readonly float[] Other = [6, 5, 4, 3, 2, 1];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void MergeInto_ProductOnTheHead_LeavesTheEmbedding()
    {
        using var merged = Merge(
            SafetensorsEntry.From(Prefix + "lm_head.lora_A.weight", [1f, 2], 1, 2),
            SafetensorsEntry.From(Prefix + "lm_head.lora_B.weight", [1f, 0, -1], 3, 1));
        Assert.Equal(Base, CheckpointFiles.Floats(merged, Embedding));

        // The scale is 2.
        Assert.Equal([3f, 6, 3, 4, 3, 2], CheckpointFiles.Floats(merged, Head));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MergeInto_ProductOnTheEmbedding_LeavesTheHeadUnlessTheAdapterTies(bool ties)
    {
        using var merged = Merge(
            config => config["ensure_weight_tying"] = ties,
            SafetensorsEntry.From(Prefix + "model.embed_tokens.lora_embedding_A", [1f, 0, -1], 1, 3),
            SafetensorsEntry.From(Prefix + "model.embed_tokens.lora_embedding_B", [1f, 2], 2, 1));
        Assert.Equal([3f, 6, 3, 4, 3, 2], CheckpointFiles.Floats(merged, Embedding));
        Assert.Equal(!ties, merged.Tensors.ContainsKey(Head));
        if (!ties)
        {
            Assert.Equal(Base, CheckpointFiles.Floats(merged, Head));
        }
    }

    [Theory]
    [InlineData("model.embed_tokens", false)]
    [InlineData("lm_head", true)]
    [InlineData("model.embed_tokens.modules_to_save.default", false)]
    public void MergeInto_OneOfBothSaved_LeavesTheOther(string module, bool isHead)
    {
        using var merged = Merge(
            SafetensorsEntry.From($"{Prefix}{module}.weight", Other, 3, 2),
            SafetensorsEntry.From(Prefix + "lm_head.original_module.weight", Base, 3, 2));
        Assert.Equal(isHead ? Base : Other, CheckpointFiles.Floats(merged, Embedding));
        Assert.Equal(isHead ? Other : Base, CheckpointFiles.Floats(merged, Head));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MergeInto_MoreTokens_ChangesTheVocabulary(bool withHead)
    {
        float[] more = [.. Base, 7, 8];
        SafetensorsEntry[] saved = [SafetensorsEntry.From(Prefix + Embedding, more, 4, 2)];
        using var merged = Merge(
            withHead ? [.. saved, SafetensorsEntry.From(Prefix + Head, [.. Other, 0f, 0], 4, 2)] : saved);
        Assert.Equal(4, (int)merged.Config["vocab_size"]!);
        Assert.Equal(more, CheckpointFiles.Floats(merged, Embedding));
        Assert.Equal(withHead, merged.Tensors.ContainsKey(Head));
    }

    [Fact]
    public void MergeInto_MoreTokensAndProducts_AddsThemToTheNewRows()
    {
        float[] more = [.. Base, 7, 8];
        using var merged = Merge(
            SafetensorsEntry.From(Prefix + "model.embed_tokens.base_layer.weight", more, 4, 2),
            SafetensorsEntry.From(Prefix + "lm_head.lora_A.default.weight", [1f, 1], 1, 2),
            SafetensorsEntry.From(Prefix + "lm_head.lora_B.default.weight", [0f, 0, 0, 1], 4, 1));
        Assert.Equal(more, CheckpointFiles.Floats(merged, Embedding));
        Assert.Equal([.. Base, 9f, 10], CheckpointFiles.Floats(merged, Head));
    }

    [Fact]
    public void MergeInto_EmbeddingAndHeadOfTwoVocabularies_NamesBoth()
    {
        var error = Assert.Throws<CheckpointException>(() => Merge(
            SafetensorsEntry.From(Prefix + Embedding, new float[8], 4, 2),
            SafetensorsEntry.From(Prefix + Head, new float[10], 5, 2)));
        Assert.Equal(
            $"The adapter '{_folder["adapter"]}' brings '{Embedding}' for a vocabulary of 4 tokens and another tensor "
            + "for one of 5. Save the adapter again with embedding and head of one size.", error.Message);
    }

    [Theory]
    [InlineData("token_adapter.")]
    [InlineData("")]
    public void MergeInto_RowsOfSingleTokens_ReplacesTheseOfBoth(string part)
    {
        using var merged = Merge(
            config => config["trainable_token_indices"] = new JsonObject { ["embed_tokens"] = new JsonArray(2, 0) },
            SafetensorsEntry.From($"{Prefix}model.embed_tokens.{part}trainable_tokens_delta", [50f, 60, 10, 20], 2, 2));
        Assert.Equal([10f, 20, 3, 4, 50, 60], CheckpointFiles.Floats(merged, Embedding));
        var middle = new float[2];
        merged.ReadFloats(Embedding, 3, middle);
        Assert.Equal([4f, 50], middle);
        Assert.False(merged.Tensors.ContainsKey(Head));
    }

    [Fact]
    public void Open_RowsOfUnnamedTokens_NamesTheKey()
    {
        var error = Assert.Throws<CheckpointException>(() => Merge(
            SafetensorsEntry.From(Prefix + "model.embed_tokens.token_adapter.trainable_tokens_delta", [1f, 2], 1, 2)));
        var path = Path.Combine(_folder["adapter"], "adapter_config.json");
        Assert.Equal(
            $"'trainable_token_indices' of the adapter '{path}' is 'null', which names no tokens for "
            + "'model.embed_tokens', whose rows the adapter holds; expected their ids. Take tensors and configuration "
            + "from one folder that PEFT saved.",
            error.Message);
    }

    [Fact]
    public void MergeInto_BaseWithoutPrefix_FindsItsTensors()
    {
        using var merged = Merge(
            null, "embed_tokens.weight", SafetensorsEntry.From(Prefix + Embedding, Other, 3, 2));
        Assert.Equal(Other, CheckpointFiles.Floats(merged, "embed_tokens.weight"));
        Assert.Equal(Base, CheckpointFiles.Floats(merged, Head));
    }

    [Fact]
    public void ReadFile_TokenizerBesideTheAdapter_TakesTheModelsPlace()
    {
        using var merged = Merge(SafetensorsEntry.From(Prefix + Embedding, Other, 3, 2));
        File.WriteAllText(_folder["model/tokenizer.json"], "model");
        File.WriteAllText(_folder["model/chat_template.jinja"], "model");
        File.WriteAllText(_folder["model/generation_config.json"], "model");
        File.WriteAllText(_folder["adapter/generation_config.json"], "adapter");
        Assert.Equal("model"u8.ToArray(), merged.ReadFile("tokenizer.json"));

        File.WriteAllText(_folder["adapter/tokenizer_config.json"], "adapter");
        Assert.Equal("adapter"u8.ToArray(), merged.ReadFile("tokenizer_config.json"));
        Assert.Equal("model"u8.ToArray(), merged.ReadFile("chat_template.jinja"));

        File.WriteAllText(_folder["adapter/tokenizer.json"], "adapter");
        Assert.Equal("adapter"u8.ToArray(), merged.ReadFile("tokenizer.json"));
        Assert.Null(merged.ReadFile("chat_template.jinja"));
        Assert.Equal("model"u8.ToArray(), merged.ReadFile("generation_config.json"));
    }

    private Checkpoint Merge(params SafetensorsEntry[] tensors) => Merge(null, Embedding, tensors);

    private Checkpoint Merge(Action<JsonObject> change, params SafetensorsEntry[] tensors) =>
        Merge(change, Embedding, tensors);

    private Checkpoint Merge(Action<JsonObject>? change, string embedding, params SafetensorsEntry[] tensors)
    {
        Directory.CreateDirectory(_folder["adapter"]);
        Directory.CreateDirectory(_folder["model"]);
        var config = new JsonObject { ["peft_type"] = "LORA", ["r"] = 1, ["lora_alpha"] = 2 };
        change?.Invoke(config);
        File.WriteAllText(_folder["adapter/adapter_config.json"], config.ToJsonString());
        SafetensorsWriter.Write(_folder["adapter/adapter_model.safetensors"], tensors);
        SafetensorsWriter.Write(_folder["model/model.safetensors"], [SafetensorsEntry.From(embedding, Base, 3, 2)]);
        File.WriteAllText(_folder["model/config.json"], """{"vocab_size": 3, "tie_word_embeddings": true}""");
        return LoraAdapter.Open(_folder["adapter"]).MergeInto(Checkpoint.Open(_folder["model"]));
    }
}
