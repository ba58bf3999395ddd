using Slipway.Export.Quantization;

namespace Slipway.Export.Tests.Quantization;

public sealed class RecipeRuleTests
{
    [Theory]
    [InlineData("lm_head=int8")]
    [InlineData("mlp.down_proj=int4:gptq/64")]
    [InlineData("layers.*.mlp=int8:search/128")]
    [InlineData("layers.0=fp16")]
    public void Parse_Rule_IsWhatToStringWrites(string text) => Assert.Equal(text, RecipeRule.Parse(text).ToString());

    [Theory]
    [InlineData("lm_head", "lm_head.weight", false, true)]
    [InlineData("lm_head", "model.embed_tokens.weight", true, true)]
    [InlineData("lm_head", "model.embed_tokens.weight", false, false)]
    [InlineData("mlp.down_proj", "model.layers.0.mlp.down_proj.weight", false, true)]
    [InlineData("layers.1", "model.layers.1.mlp.down_proj.weight", false, true)]
    [InlineData("layers.1", "model.layers.11.mlp.down_proj.weight", false, false)]
    [InlineData("layers.1*", "model.layers.11.mlp.down_proj.weight", false, true)]
    [InlineData("down", "model.layers.0.mlp.down_proj.weight", false, false)]
    [InlineData("*down*", "model.layers.0.mlp.down_proj.weight", false, true)]
    public void Fits_Name_IsMatchedByWholeParts(string pattern, string name, bool isHead, bool fits) =>
        Assert.Equal(fits, new RecipeRule(pattern, new MatrixFormat(Precision.Int8)).Fits(name, isHead));

    [Theory]
    [InlineData("lm_head", "The rule 'lm_head' has not the form PATTERN=FORMAT, as in 'lm_head=int8'")]
    [InlineData("lm_head=int5", "There is no precision 'int5'. Choose one of 'fp32'")]
    [InlineData("lm_head=int4:best", "There is no quantization method 'best'. Choose one of 'search'")]
    [InlineData("lm_head=int4/x", "'int4/x' has the block size 'x'; expected 16, 32, 64, 128 or 256")]
    [InlineData("lm_head=int4/48", "The block size must be 16, 32, 64, 128 or 256.")]
    public void Parse_NoRule_NamesCauseAndRemedy(string text, string message)
    {
        var exception = Assert.ThrowsAny<ArgumentException>(() => RecipeRule.Parse(text));

        Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ParseLines_BrokenLine_IsNamedByItsNumber()
    {
        Assert.Equal(
            ["lm_head=int8", "layers.0=fp16"],
            RecipeRule.ParseLines("# head\nlm_head = int8\n\nlayers.0=fp16\n", "recipe.txt")
                .Select(rule => rule.ToString()));

        var exception = Assert.Throws<ArgumentException>(() => RecipeRule.ParseLines("lm_head=int8\nx", "recipe.txt"));

        Assert.StartsWith("'recipe.txt', line 2: The rule 'x' has not", exception.Message, StringComparison.Ordinal);
    }
}
