using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Tasks;

public sealed class TaskFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.jsonl", "{\"a\": 1}\n\n{\"a\": 2}\n", 1, 3)]
    [InlineData("a.json", "[{\"a\": 1},\n\n {\"a\": {\"b\": {}}}]", 1, 3)]
    [InlineData("a.json", "{\"about\": {\"x\": 1}, \"items\": [\n{\"a\": 1},\n{\"a\": 2}]}", 2, 3)]
    [InlineData("a.tsv", "a\tb\r\n1\t2\r\n3\t\"4\r\n", 2, 3)]
    public void Read_EachForm_KnowsItsLines(string name, string text, int first, int second)
    {
        var file = TaskFile.Read(Write(name, text));
        Assert.Equal([first, second], file.Items.Select(item => item.Line));
        Assert.Equal(64, file.Hash.Length);
    }

    [Theory]
    [InlineData("a.jsonl", "{\"a\": 1}\n{\"a\": \n", 2, "The JSON is not valid")]
    [InlineData("a.jsonl", "{\"a\": 1}\n\n[1]\n", 3, "The line is not a JSON object; expected one.")]
    [InlineData("a.jsonl", "{\"a\": 1, \"a\": 2}\n", 1, "The JSON is not valid")]
    [InlineData("a.jsonl", "\n\n", 0, "The file holds no item; expected at least one.")]
    [InlineData("a.json", "[{},\n{},\n{]", 3, "The JSON is not valid")]
    [InlineData("a.json", "{\"x\": []}", 0, "The document is neither a list nor an object with the list 'items'")]
    [InlineData("a.json", "[{}, 5]", 0, "Item 2 is not a JSON object; expected one.")]
    [InlineData("a.tsv", "a\tb\n1\t2\n1\n", 3, "The line has 1 columns; expected 2, as the first has.")]
    [InlineData("a.tsv", "a\ta\n1\t2\n", 1, "A column has no name, or two have the same")]
    [InlineData("a.txt", "a", 0, "The form of the file is not known by its name")]
    public void Read_BrokenFile_NamesTheLine(string name, string text, int line, string words)
    {
        var path = Write(name, text);
        var error = Assert.Throws<TaskFileException>(() => TaskFile.Read(path));
        Assert.Equal((path, line), (error.Path, error.Line));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(line > 0 ? $"'{path}', line {line}: " : $"'{path}': ", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_BytesThatAreNoUtf8_NamesTheLine()
    {
        var path = _folder["a.jsonl"];
        File.WriteAllBytes(path, [.. "{}\n{}\n{\"a\": \""u8, 0xFF, .. "\"}\n"u8]);
        Assert.Equal(3, Assert.Throws<TaskFileException>(() => TaskFile.Read(path)).Line);
    }

    [Theory]
    [InlineData("multiple-choice", """{"question": "x", "options": ["a", "b"], "answer": "C"}""",
        "The answer is 'C'; expected an index from 0 to 1, or one of 'A', 'B'.")]
    [InlineData("multiple-choice", """{"question": "x", "options": ["a"], "answer": 0}""",
        "'options' is a list; expected a list of two or more texts, none of them empty.")]
    [InlineData("multiple-choice", """{"question": "x", "answer": 0}""",
        "'options' is missing; expected a list of texts, there or in 'choices', 'endings'. The fields are 'question'")]
    [InlineData("classification", """{"label": "a"}""", "There is no text beside the label")]
    [InlineData("regression", """{"text": "x", "label": "much"}""", "'label' is 'much'; expected a number.")]
    [InlineData("questions", """{"question": "x", "answers": []}""",
        "'answers' is an empty list; expected a list of one or more texts.")]
    [InlineData("questions", """{"question": ["x"], "answers": "a"}""", "'question' is a list; expected a text.")]
    [InlineData("texts", """{"prompt": "x"}""", "'references' is missing; expected a list of texts")]
    [InlineData("reasoning", """{"question": "x", "answer": "none"}""", "'answer' has no number: 'none'")]
    [InlineData("tool-calls", """{"messages": [{"role": "user", "content": "x"}]}""",
        "The conversation has 1 messages")]
    [InlineData("tool-calls", """{"messages": [5, {}]}""", "'messages' is missing or no list of objects")]
    [InlineData("tool-calls", """
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}
        """, "The arguments of the call of 'f' in message 2 are no object")]
    [InlineData("tool-calls", """
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"function": {}}]}]}
        """, "A call of message 2 has no 'name'.")]
    [InlineData("tool-calls", """
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant"}], "tools": [{}]}
        """, "A tool has no 'name'.")]
    public void Open_ItemOfAnotherForm_NamesFileLineAndField(string kind, string line, string words)
    {
        var good = kind == "classification" ? """{"label": "b", "text": "x"}""" : null;
        var path = Write("task.jsonl", $"\n{line.Trim()}\n{good}\n");
        var options = new TaskOptions();
        var error = Assert.ThrowsAny<Exception>(() =>
        {
            var task = TaskKinds.Open(kind, path, options);
            using var client = new ScriptedClient(_ => "x");
            TaskRunner.RunAsync(task, new TaskSubject(client)).GetAwaiter().GetResult();
        });
        var broken = Assert.IsType<TaskFileException>((error as AggregateException)?.InnerException ?? error);
        Assert.Equal(2, broken.Line);
        Assert.Contains(words, broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BadOptions_NamesEveryOne()
    {
        var path = Write("a.jsonl", """{"question": "x", "answer": "#### 1"}""");
        Assert.Equal(
            "'sums' is no kind of task; expected one of "
            + $"{string.Join(", ", TaskKinds.All.Select(kind => kind.Name))}. (Parameter 'kind')",
            Assert.Throws<ArgumentException>(() => TaskKinds.Open("sums", path)).Message);
        Assert.StartsWith(
            "Shots is '-1'; expected 0 or more. Limit is '0'; expected 1 or more, or null for all. Samples is '0'",
            Assert.Throws<ArgumentException>(() => TaskKinds.Open(
                "reasoning", path, new TaskOptions { Shots = -1, Limit = 0, Samples = 0 })).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            $"'{path}' has 1 items, too few for 1 examples and one to score.",
            Assert.Throws<ArgumentException>(() => TaskKinds.Open(
                "reasoning", path, new TaskOptions { Shots = 1 })).Message,
            StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }
}
