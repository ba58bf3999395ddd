using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Gguf;

public sealed class GgufTokenizerTests
{
    private const string Remedy =
        ", so the default of llama.cpp is used and some texts may be split otherwise than in training. Put the model's "
        + "'tokenizer.json' beside the file to split them right.";

    [Theory]
    [InlineData(null,
        "The GGUF file '{0}' does not say how its tokenizer splits text ('tokenizer.ggml.pre' is missing)")]
    [InlineData("default",
    "The GGUF file '{0}' does not say how its tokenizer splits text ('tokenizer.ggml.pre' is 'default')")]
    [InlineData("brand-new",
    "The way 'brand-new' in which the GGUF file '{0}' splits text ('tokenizer.ggml.pre') is not known")]
    public void Warnings_SplitThatIsNotKnown_AreToldAndTheDefaultIsTaken(string? name, string warning)
    {
        using TemporaryFolder folder = new();
        var path = folder["model.gguf"];
        var builder = ByteLevel();
        File.WriteAllBytes(path, (name is null ? builder : builder.Add("tokenizer.ggml.pre", name)).Build());

        using (var checkpoint = Checkpoint.Open(path))
        {
            Assert.Equal([string.Format(null, warning, path) + Remedy], checkpoint.Warnings);
            var splitters = JsonNode.Parse(
                checkpoint.ReadFile("tokenizer.json"))!["pre_tokenizer"]!["pretokenizers"]!.AsArray();

            // As llama.cpp: punctuation, GPT-2's words, numbers and threes of digits, one after the other.
            Assert.Equal(
                [
                    @"[\p{P}\$\+<=>\^~\|]+", @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
                    @"\p{N}+", "[0-9][0-9][0-9]", null,
                ],
                splitters.Select(splitter => (string?)splitter!["pattern"]?["Regex"]));
        }

        File.WriteAllText(folder["tokenizer.json"], "{}");
        using var beside = Checkpoint.Open(path);
        Assert.Empty(beside.Warnings);
        Assert.Equal("{}"u8.ToArray(), beside.ReadFile("tokenizer.json"));
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-bpe")]
    [InlineData("qwen2")]
    [InlineData("glm4")]
    public void Warnings_SplitThatIsKnown_AreNone(string name)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["model.gguf"], ByteLevel().Add("tokenizer.ggml.pre", name).Build());
        using var checkpoint = Checkpoint.Open(folder["model.gguf"]);
        Assert.Empty(checkpoint.Warnings);
        Assert.NotNull(checkpoint.ReadFile("tokenizer.json"));
    }

    [Fact]
    public void ReadFile_TokenizerWithoutMerges_NamesTheRemedyThatHelps()
    {
        using TemporaryFolder folder = new();
        var path = folder["model.gguf"];
        File.WriteAllBytes(path, TinyGguf.Bare().Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", "gpt-2").Add("tokenizer.ggml.tokens", new[] { "a", "b" }).Build());
        using var checkpoint = Checkpoint.Open(path);
        Assert.Equal(
            $"The GGUF file '{path}' lacks the metadata 'tokenizer.ggml.merges', without which its tokenizer cannot be "
            + "made. Put the model's 'tokenizer.json' beside it.",
            Assert.Throws<CheckpointException>(() => checkpoint.ReadFile("tokenizer.json")).Message);
        File.WriteAllText(folder["tokenizer.json"], "{}");
        Assert.NotNull(checkpoint.ReadFile("tokenizer.json"));
    }

    private static GgufBuilder ByteLevel() => TinyGguf.Bare()
        .Add("tokenizer.ggml.model", "gpt2")
        .Add("tokenizer.ggml.tokens", new[] { "a", "b", "ab", "<end>" })
        .Add("tokenizer.ggml.token_type", new[] { 1, 1, 1, 3 })
        .Add("tokenizer.ggml.merges", new[] { "a b" });
}
