using Slipway.Testing;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

public sealed class BadLinesTests
{
    private const string Good =
        """{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}""";

    [Theory]
    [InlineData("{\"messages\": [", "Line 2 of 'FILE' is not valid JSON: ")]
    [InlineData("[1]", "Line 2 of 'FILE' holds no JSON object.")]
    [InlineData("{\"messages\": []}", "Line 2 of 'FILE' holds no list 'messages' of objects with a 'role'.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"b\"}]}",
        "Message 1 in line 2 of 'FILE' has the role 'assistant' at the beginning; expected it behind 'user' or behind "
        + "'tool'. Put the messages in order.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]}",
        "Message 2 in line 2 of 'FILE' has the role 'user' behind 'user'; expected it at the beginning or behind "
        + "'system' or behind 'developer' or behind 'assistant'. Put the messages in order.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", \"content\": \"b\"}]}",
        "Message 2 in line 2 of 'FILE' has the role 'system' behind 'user'; expected it at the beginning.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"bot\", \"content\": \"a\"}]}",
        "Message 1 in line 2 of 'FILE' has the role 'bot'; expected one of 'system', 'developer', 'user', "
        + "'assistant', 'tool'.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"\"}]}",
        "Message 2 in line 2 of 'FILE' is the assistant's and says nothing.")]
    [InlineData(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}",
        "Line 2 of 'FILE' has no message of the assistant, so there is nothing to learn.")]
    public void ReadTraining_OfABadLine_NamesFileAndLine(string line, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder["chat.jsonl"], [Good, line]);
        var error = Assert.Throws<TrainingException>(
            () => new ConversationFile(folder["chat.jsonl"]).ReadTraining().ToList());
        Assert.StartsWith(
            expected.Replace("FILE", folder["chat.jsonl"], StringComparison.Ordinal), error.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"chosen\": 1}", "Line 1 of 'FILE' holds no list 'chosen' of objects with a 'role'.")]
    [InlineData(
        """{"chosen": [{"role": "user", "content": "a"}], "rejected": [{"role": "user", "content": "a"}]}""",
        "Line 1 of 'FILE' has a preferred and a rejected conversation of which one begins with all of the other.")]
    [InlineData(
        """
        {"prompt": [{"role": "user", "content": "a"}], "chosen": [{"role": "user", "content": "a"}],
         "rejected": [{"role": "assistant", "content": "a"}]}
        """,
        "Message 2 in line 1 of 'FILE' has the role 'user' behind 'user'")]
    public void Read_OfABadPreference_NamesFileAndLine(string line, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["pairs.jsonl"], line.ReplaceLineEndings(" "));
        var error = Assert.Throws<TrainingException>(() => PreferenceFile.Read(folder["pairs.jsonl"]).ToList());
        Assert.StartsWith(
            expected.Replace("FILE", folder["pairs.jsonl"], StringComparison.Ordinal), error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WithoutAPrompt_TakesWhatBothConversationsBeginWith()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["pairs.jsonl"], """
            {"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
             "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}
            """.ReplaceLineEndings(" "));
        var pair = Assert.Single(PreferenceFile.Read(folder["pairs.jsonl"]));
        Assert.Equal("a", (string?)Assert.Single(pair.Prompt)!["content"]);
        Assert.Equal("b", (string?)Assert.Single(pair.Chosen)!["content"]);
        Assert.Equal("c", (string?)Assert.Single(pair.Rejected)!["content"]);
    }
}
