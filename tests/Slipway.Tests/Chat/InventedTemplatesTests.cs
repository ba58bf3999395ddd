using Slipway.Chat;
using Slipway.Tokenization;

namespace Slipway.Tests.Chat;

/// <summary>Finds formats from what templates do, whatever words stand in them.</summary>
public sealed class InventedTemplatesTests
{
    public static TheoryData<string> Names { get; } = [.. InventedTemplates.All.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Formats_OfATemplateInOtherWords_AreItsFamilys(string name)
    {
        var (_, calls, reasoning, source) = InventedTemplates.All.Single(row => row.Name == name);

        var traits = new TemplateProbe(
            ChatTemplate.Parse(source),
            variables => (variables["bos_token"], variables["eos_token"]) = ("<s>", "</s>"),
            _ => false, ToolCallFormats.All).Find();

        Assert.Equal(calls, traits.Calls?.Name);
        Assert.Equal(reasoning, traits.Reasoning?.Name);
        Assert.NotNull(traits.Tools);
    }
}
