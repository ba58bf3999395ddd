using System.Text.Json.Nodes;

namespace Slipway.AspNetCore.Tests.Errors;

/// <summary>Each request is wrong in one way, and the error says in which.</summary>
public sealed class InvalidRequestTests(ErrorServer fixture) : IClassFixture<ErrorServer>
{
    private const string Chat = """{"model": "fake", "messages": [{"role": "user", "content": "x"}]}""";
    private const string Text = """{"model": "assistant", "prompt": "x"}""";
    private const string Embed = """{"model": "numbers", "input": "x"}""";
    private const string Tool = """[{"type": "function", "function": {"name": "f"}}]""";

    private static string Allow(string mode, string tools)
        => $$$"""
            "tools": {{{Tool}}}, "tool_choice":
            {"type": "allowed_tools", "allowed_tools": {"mode": "{{{mode}}}", "tools": {{{tools}}}}}
            """;

    private static readonly string TooLong =
        $"\"{string.Concat(Enumerable.Repeat("word ", 3000))}\"";

    // Values of each JSON type; 'i' an integer, 'n' another number.
    private static readonly (char Kind, string Json)[] Values =
    [
        ('s', "\"s\""), ('i', "1"), ('n', "1.5"), ('b', "true"), ('a', "[]"), ('o', "{}"),
    ];

    // Parameter: the JSON types that it takes.
    private static readonly (string Path, string Body, string Param, string Takes)[] Types =
    [
        .. new (string, string)[]
        {
            ("model", "s"), ("messages", "a"), ("temperature", "in"), ("top_p", "in"), ("n", "i"), ("stream", "b"),
            ("stream_options", "o"), ("max_tokens", "i"), ("max_completion_tokens", "i"), ("presence_penalty", "in"),
            ("frequency_penalty", "in"), ("logit_bias", "o"), ("logprobs", "b"), ("top_logprobs", "i"), ("seed", "i"),
            ("tools", "a"), ("parallel_tool_calls", "b"), ("response_format", "o"), ("reasoning_effort", "s"),
            ("user", "s"), ("metadata", "o"), ("store", "b"), ("modalities", "a"), ("service_tier", "s"),
        }.Select(row => ("/v1/chat/completions", Chat, row.Item1, row.Item2)),
        .. new (string, string)[]
        {
            ("model", "s"), ("max_tokens", "i"), ("temperature", "in"), ("top_p", "in"), ("n", "i"), ("best_of", "i"),
            ("stream", "b"), ("logprobs", "i"), ("echo", "b"), ("seed", "i"), ("suffix", "s"), ("top_k", "i"),
            ("logit_bias", "o"), ("guided_choice", "a"),
        }.Select(row => ("/v1/completions", Text, row.Item1, row.Item2)),
        .. new (string, string)[] { ("model", "s"), ("encoding_format", "s"), ("dimensions", "i"), ("user", "s") }
            .Select(row => ("/v1/embeddings", Embed, row.Item1, row.Item2)),
    ];

    public static TheoryData<string, string, string> WrongTypes => [..
        from row in Types
        from value in Values
        where !row.Takes.Contains(value.Kind, StringComparison.Ordinal)
        select (row.Path, With(row.Body, row.Param, value.Json), row.Param)];

    // Path, body, status, parameter, code.
    public static TheoryData<string, string, int, string?, string?> WrongValues => new(
    [
        .. new (string More, string? Param, string Code)[]
        {
            ("\"temperature\": -0.1", "temperature", "decimal_below_min_value"),
            ("\"temperature\": 2.1", "temperature", "decimal_above_max_value"),
            ("\"temperature\": 1e999", "temperature", "invalid_type"),
            ("\"top_p\": 1.01", "top_p", "decimal_above_max_value"),
            ("\"top_p\": -1", "top_p", "decimal_below_min_value"),
            ("\"n\": 0", "n", "integer_below_min_value"),
            ("\"n\": 129", "n", "integer_above_max_value"),
            ("\"n\": 99999999999", "n", "invalid_type"),
            ("\"max_tokens\": 0", "max_tokens", "integer_below_min_value"),
            ("\"max_completion_tokens\": -1", "max_completion_tokens", "integer_below_min_value"),
            ("\"max_tokens\": 1, \"max_completion_tokens\": 1", "max_tokens", "invalid_parameter_combination"),
            ("\"presence_penalty\": 2.5", "presence_penalty", "decimal_above_max_value"),
            ("\"frequency_penalty\": -2.5", "frequency_penalty", "decimal_below_min_value"),
            ("\"logprobs\": true, \"top_logprobs\": 21", "top_logprobs", "integer_above_max_value"),
            ("\"top_logprobs\": 2", "top_logprobs", "invalid_parameter_combination"),
            ("\"logit_bias\": {\"x\": 1}", "logit_bias", "invalid_value"),
            ("\"logit_bias\": {\"1\": 101}", "logit_bias.1", "decimal_above_max_value"),
            ("\"logit_bias\": {\"1\": \"a\"}", "logit_bias.1", "invalid_type"),
            ("\"stop\": 1", "stop", "invalid_type"),
            ("\"stop\": [1]", "stop[0]", "invalid_type"),
            ("\"stop\": \"\"", "stop", "invalid_value"),
            ("\"stop\": [\"a\", \"b\", \"c\", \"d\", \"e\"]", "stop", "array_above_max_length"),
            ("\"stream_options\": {\"include_usage\": true}", "stream_options", "invalid_parameter_combination"),
            ("\"stream\": true, \"stream_options\": {\"x\": 1}", "stream_options.x", "unknown_parameter"),
            ("\"tool_choice\": \"auto\"", "tool_choice", "invalid_parameter_combination"),
            ("\"parallel_tool_calls\": true", "parallel_tool_calls", "invalid_parameter_combination"),
            ($"\"tools\": {Tool}, \"tool_choice\": \"never\"", "tool_choice", "invalid_value"),
            ($"\"tools\": {Tool}, \"tool_choice\": 1", "tool_choice", "invalid_type"),
            ($"\"tools\": {Tool}, \"tool_choice\": {{}}", "tool_choice.type", "missing_required_parameter"),
            ($"\"tools\": {Tool}, \"tool_choice\": {{\"type\": \"x\"}}", "tool_choice.type", "invalid_value"),
            ($"\"tools\": {Tool}, \"tool_choice\": {{\"type\": \"function\"}}", "tool_choice.function",
                "missing_required_parameter"),
            ($"\"tools\": {Tool}, \"tool_choice\": {{\"type\": \"function\", \"function\": {{\"name\": \"g\"}}}}",
                "tool_choice.function.name", "invalid_value"),
            ("\"tools\": [{}]", "tools[0].type", "missing_required_parameter"),
            ("\"tools\": [{\"type\": \"search\"}]", "tools[0].type", "invalid_value"),
            ("\"tools\": [{\"type\": \"function\"}]", "tools[0].function", "missing_required_parameter"),
            ("\"tools\": [{\"type\": \"function\", \"function\": {}}]", "tools[0].function.name",
                "missing_required_parameter"),
            ("\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"a b\"}}]", "tools[0].function.name",
                "invalid_value"),
            ("\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", \"parameters\": 1}}]",
                "tools[0].function.parameters", "invalid_type"),
            ("\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", \"extra\": 1}}]",
                "tools[0].function.extra", "unknown_parameter"),
            ("\"tools\": [1]", "tools[0]", "invalid_type"),
            ("\"response_format\": {}", "response_format.type", "missing_required_parameter"),
            ("\"response_format\": {\"type\": \"xml\"}", "response_format.type", "invalid_value"),
            ("\"response_format\": {\"type\": \"json_schema\"}", "response_format.json_schema",
                "missing_required_parameter"),
            ("\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\"}}",
                "response_format.json_schema.schema", "missing_required_parameter"),
            ("\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": {}}}",
                "response_format.json_schema.name", "missing_required_parameter"),
            ("\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x!\", \"schema\": {}}}",
                "response_format.json_schema.name", "invalid_value"),
            ("\"reasoning_effort\": \"much\"", "reasoning_effort", "invalid_value"),
            ("\"service_tier\": \"gold\"", "service_tier", "invalid_value"),
            ("\"verbosity\": \"low\"", "verbosity", "unsupported_value"),
            ("\"verbosity\": \"huge\"", "verbosity", "invalid_value"),
            ("\"moderation\": {\"model\": \"a\"}", "moderation", "unsupported_parameter"),
            ("\"prompt_cache_retention\": \"1h\"", "prompt_cache_retention", "invalid_value"),
            ($"\"metadata\": {{\"a\": \"{new string('x', 513)}\"}}", "metadata.a", "string_above_max_length"),
            ($"\"metadata\": {{\"{new string('a', 65)}\": \"x\"}}", $"metadata.{new string('a', 65)}",
                "string_above_max_length"),
            ($"\"metadata\": {{{string.Join(", ", Enumerable.Range(0, 17).Select(index => $"\"a{index}\": \"x\""))}}}",
                "metadata", "object_above_max_properties"),
            ($"\"tools\": {Tool}, \"tool_choice\": {{\"type\": \"allowed_tools\"}}", "tool_choice.allowed_tools",
                "missing_required_parameter"),
            (Allow("none", """[{"type": "function", "function": {"name": "f"}}]"""),
                "tool_choice.allowed_tools.mode", "invalid_value"),
            (Allow("auto", """[{"type": "function", "function": {"name": "g"}}]"""),
                "tool_choice.allowed_tools.tools[0].function.name", "invalid_value"),
            (Allow("auto", """[1]"""),
                "tool_choice.allowed_tools.tools[0]", "invalid_type"),
            ("\"modalities\": [\"text\", \"audio\"]", "modalities", "invalid_value"),
            ("\"modalities\": [1]", "modalities[0]", "invalid_type"),
            ("\"store\": true", "store", "unsupported_parameter"),
            ("\"audio\": {\"voice\": \"a\"}", "audio", "unsupported_parameter"),
            ("\"functions\": []", "functions", "unsupported_parameter"),
            ("\"function_call\": \"auto\"", "function_call", "unsupported_parameter"),
            ("\"web_search_options\": {}", "web_search_options", "unsupported_parameter"),
            ("\"metadata\": {\"a\": 1}", "metadata.a", "invalid_type"),
            ("\"temprature\": 1", "temprature", "unknown_parameter"),
        }.Select(row => ("/v1/chat/completions", $"{Chat[..^1]}, {row.More}}}", 400, row.Param, (string?)row.Code)),
        .. new (string Messages, string? Param, string Code)[]
        {
            ("[]", "messages", "empty_array"),
            ("[1]", "messages[0]", "invalid_type"),
            ("[null]", "messages[0]", "invalid_type"),
            ("[{}]", "messages[0].role", "missing_required_parameter"),
            ("[{\"role\": 1}]", "messages[0].role", "invalid_type"),
            ("[{\"role\": \"robot\", \"content\": \"x\"}]", "messages[0].role", "invalid_value"),
            ("[{\"role\": \"user\"}]", "messages[0].content", "missing_required_parameter"),
            ("[{\"role\": \"user\", \"content\": null}]", "messages[0].content", "missing_required_parameter"),
            ("[{\"role\": \"user\", \"content\": 1}]", "messages[0].content", "invalid_type"),
            ("[{\"role\": \"user\", \"content\": {}}]", "messages[0].content", "invalid_type"),
            ("[{\"role\": \"user\", \"content\": [1]}]", "messages[0].content[0]", "invalid_type"),
            ("[{\"role\": \"user\", \"content\": [{}]}]", "messages[0].content[0].type", "missing_required_parameter"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"smell\"}]}]", "messages[0].content[0].type",
                "invalid_value"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"text\"}]}]", "messages[0].content[0].text",
                "missing_required_parameter"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": 1}]}]",
                "messages[0].content[0].text", "invalid_type"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]", "messages[0].content[0].image_url",
                "missing_required_parameter"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": \"x\"}}]}]",
                "messages[0].content[0].image_url.url", "invalid_value"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": \"data:x\"}}]}]",
                "messages[0].content[0].image_url.url", "invalid_value"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"input_audio\", \"input_audio\": {\"format\": \"wav\","
                + "\"data\": \"?\"}}]}]", "messages[0].content[0].input_audio.data", "invalid_value"),
            ("[{\"role\": \"user\", \"content\": [{\"type\": \"input_audio\", \"input_audio\": {\"format\": \"x\"}}]}]",
                "messages[0].content[0].input_audio.format", "invalid_value"),
            ("[{\"role\": \"user\", \"content\": \"\\ud800\"}]", "messages[0].content", "invalid_value"),
            ("[{\"role\": \"user\", \"content\": \"x\", \"tool_calls\": []}]", "messages[0].tool_calls",
                "unsupported_parameter"),
            ("[{\"role\": \"user\", \"content\": \"x\", \"mood\": \"good\"}]", "messages[0].mood", "unknown_parameter"),
            ("[{\"role\": \"assistant\"}]", "messages[0].content", "missing_required_parameter"),
            ("[{\"role\": \"assistant\", \"tool_calls\": [{}]}]", "messages[0].tool_calls[0].id",
                "missing_required_parameter"),
            ("[{\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"a\", \"type\": \"x\", \"function\": {\"name\": "
                + "\"f\", \"arguments\": \"{}\"}}]}]", "messages[0].tool_calls[0].type", "invalid_value"),
            ("[{\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"a\", \"function\": {\"name\": \"f\"}}]}]",
                "messages[0].tool_calls[0].function.arguments", "missing_required_parameter"),
            ("[{\"role\": \"assistant\", \"content\": \"x\", \"function_call\": {\"name\": \"f\"}}]",
                "messages[0].function_call", "unsupported_parameter"),
            ("[{\"role\": \"tool\", \"content\": \"x\"}]", "messages[0].tool_call_id", "missing_required_parameter"),
            ("[{\"role\": \"tool\", \"content\": \"x\", \"tool_call_id\": \"a\"}]", "messages[0].tool_call_id",
                "invalid_value"),
        }.Select(row => (
            "/v1/chat/completions", $"{{\"model\": \"fake\", \"messages\": {row.Messages}}}", 400, row.Param,
            (string?)row.Code)),
        .. new (string Body, int Status, string? Param, string? Code)[]
        {
            ("", 400, null, null), ("{", 400, null, null), ("[]", 400, "body", "invalid_type"),
            ("null", 400, "body", "invalid_type"), ("1", 400, "body", "invalid_type"),
            ("{\"model\": \"fake\", \"model\": \"fake\"}", 400, null, null),
            ("{}", 400, "model", "missing_required_parameter"),
            ("{\"model\": null, \"messages\": []}", 400, "model", "missing_required_parameter"),
            ("{\"model\": \"fake\"}", 400, "messages", "missing_required_parameter"),
            (With(Chat, "model", "\"none\""), 404, "model", "model_not_found"),
            (With(Chat, "model", "\"none:a\""), 404, "model", "model_not_found"),
            (With(Chat, "model", "\"numbers\""), 400, "model", "model_not_supported"),
            (With(Chat, "model", "\"numbers:a\""), 404, "model", "model_not_found"),
            (With(Chat, "model", "\"assistant:no-such\""), 400, null, "invalid_value"),
            (With(With(Chat, "model", "\"assistant\""), "top_k", "\"many\""), 400, null, "invalid_value"),
            (With(With(Chat, "model", "\"assistant\""), "guided_regex", "\"(\""), 400, null, "invalid_value"),
            ("{\"model\": \"assistant\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\","
                + " \"image_url\": {\"url\": \"https://example.org/a.png\"}}]}]}", 400, "messages[0].content[0].type",
                "unsupported_value"),
            (new string('[', 200), 400, null, null), ("{\"\\ud800\": 1}", 400, "body", "invalid_value"),
        }.Select(row => ("/v1/chat/completions", row.Body, row.Status, row.Param, row.Code)),
        .. new (string More, string? Param, string Code)[]
        {
            ("\"suffix\": \"s\"", "suffix", "unsupported_parameter"),
            ("\"max_tokens\": 0", "max_tokens", "integer_below_min_value"),
            ("\"max_tokens\": -1", "max_tokens", "integer_below_min_value"),
            ("\"logprobs\": 6", "logprobs", "integer_above_max_value"),
            ("\"best_of\": 2", "best_of", "unsupported_parameter"),
            ("\"temperature\": 3", "temperature", "decimal_above_max_value"),
            ("\"stream_options\": {}", "stream_options", "invalid_parameter_combination"),
            ("\"logit_bias\": {\"a\": 1}", "logit_bias", "invalid_value"),
            ("\"stop\": {}", "stop", "invalid_type"),
            ("\"guided_regex\": \"a\", \"guided_choice\": [\"b\"]", "guided_json", "invalid_parameter_combination"),
            ("\"stop_token_ids\": [\"a\"]", "stop_token_ids[0]", "invalid_type"),
            ("\"unknown\": 1", "unknown", "unknown_parameter"),
        }.Select(row => ("/v1/completions", $"{Text[..^1]}, {row.More}}}", 400, row.Param, (string?)row.Code)),
        .. new (string Prompt, string? Param, string Code)[]
        {
            ("1", "prompt", "invalid_type"), ("{}", "prompt", "invalid_type"), ("[]", "prompt", "empty_array"),
            ("[1, \"a\"]", "prompt[1]", "invalid_type"), ("[1.5]", "prompt[0]", "invalid_type"),
            ("[{}]", "prompt[0]", "invalid_type"), ("null", "prompt", "missing_required_parameter"),
            ("[[\"a\"]]", "prompt[0][0]", "invalid_type"), ("[99999]", null!, "invalid_value"),
            ("\"\"", null!, "invalid_value"),
        }.Select(row => (
            "/v1/completions", $"{{\"model\": \"assistant\", \"prompt\": {row.Prompt}}}", 400, row.Param,
            (string?)row.Code)),
        .. new (string Body, int Status, string? Param, string? Code)[]
        {
            (With(Text, "model", "\"fake\""), 400, "model", "model_not_supported"),
            (With(Text, "model", "\"x\""), 404, "model", "model_not_found"),
        }.Select(row => ("/v1/completions", row.Body, row.Status, row.Param, row.Code)),
        .. new (string Body, int Status, string? Param, string? Code)[]
        {
            (With(Embed, "input", "\"\""), 400, "input", "invalid_value"),
            (With(Embed, "input", "[]"), 400, "input", "empty_array"),
            (With(Embed, "input", "[\"a\", \"\"]"), 400, "input[1]", "invalid_value"),
            (With(Embed, "input", "[{}]"), 400, "input[0]", "invalid_type"),
            (With(Embed, "input", "1"), 400, "input", "invalid_type"),
            (With(Embed, "input", "[1, 2]"), 400, "input", "invalid_type"),
            (With(Embed, "encoding_format", "\"hex\""), 400, "encoding_format", "invalid_value"),
            (With(Embed, "dimensions", "0"), 400, "dimensions", "integer_below_min_value"),
            (With(Embed, "model", "\"fake\""), 400, "model", "model_not_supported"),
            ("{\"model\": \"numbers\"}", 400, "input", "missing_required_parameter"),
        }.Select(row => ("/v1/embeddings", row.Body, row.Status, row.Param, row.Code)),
        ("/v1/rerank", """{"model": "fake", "query": "q", "documents": ["d"]}""", 400, "model", "model_not_supported"),
        ("/v1/rerank", """{"model": "fake", "documents": ["d"]}""", 400, "query", "missing_required_parameter"),
        ("/v1/rerank", """{"model": "assistant", "query": "q", "documents": ["d"]}""", 400, "model",
            "model_not_supported"),
        ("/v1/classify", """{"model": "assistant", "input": "x"}""", 400, "model", "model_not_supported"),
        ("/v1/classify", """{"model": "none", "input": "x"}""", 404, "model", "model_not_found"),
        ("/v1/classify", """{"model": "assistant"}""", 400, "input", "missing_required_parameter"),
        ("/v1/load_lora_adapter", """{"lora_name": "a"}""", 400, "lora_path", "missing_required_parameter"),
        ("/v1/load_lora_adapter", """{"lora_path": "a"}""", 400, "lora_name", "missing_required_parameter"),
        ("/v1/load_lora_adapter", """{"lora_name": "a", "lora_path": "../a"}""", 400, "lora_path", "invalid_value"),
        ("/v1/load_lora_adapter", """{"lora_name": "a", "lora_path": "/"}""", 400, "lora_path", "invalid_value"),
        ("/v1/load_lora_adapter", """{"lora_name": "a", "lora_path": "\\u0000"}""", 400, "lora_path", "invalid_value"),
        ("/v1/load_lora_adapter", """{"lora_name": "a", "lora_path": "no-such"}""", 400, "lora_path",
            "invalid_value"),
        ("/v1/load_lora_adapter", """{"lora_name": "a", "lora_path": "int4"}""", 400, "base_model_name",
            "missing_required_parameter"),
        ("/v1/load_lora_adapter",
            """{"lora_name": "a", "lora_path": "int4", "base_model_name": "none"}""", 404, "base_model_name",
            "model_not_found"),
        ("/v1/load_lora_adapter",
            """{"lora_name": "a", "lora_path": "int4", "base_model_name": "fake"}""", 400, "model",
            "model_not_supported"),
        ("/v1/load_lora_adapter",
            """{"lora_name": "a", "lora_path": "int4", "base_model_name": "assistant"}""", 400, null,
            "unsupported_value"),
        ("/v1/unload_lora_adapter", "{}", 400, "lora_name", "missing_required_parameter"),
        ("/v1/unload_lora_adapter", """{"lora_name": "a", "base_model_name": "assistant"}""", 404, "lora_name",
            "adapter_not_found"),
        ("/v1/chat/completions",
            $$"""{"model": "assistant", "messages": [{"role": "user", "content": {{TooLong}}}]}""", 400, "messages",
            "context_length_exceeded"),
        ("/v1/chat/completions",
            $$"""
            {"model": "assistant", "stream": true, "messages": [{"role": "user", "content": {{TooLong}}}]}
            """, 400, "messages", "context_length_exceeded"),
        ("/v1/completions", $$"""{"model": "assistant", "prompt": {{TooLong}}}""", 400, "prompt",
            "context_length_exceeded"),
        ("/v1/responses", $$"""{"model": "assistant", "input": {{TooLong}}}""", 400, "input",
            "context_length_exceeded"),
        ("/v1/responses", """{"model": "assistant", "input": "x", "include": ["everything"]}""", 400, "include[0]",
            "invalid_value"),
        ("/v1/responses", """{"model": "assistant", "input": "x", "top_logprobs": 2}""", 400, "top_logprobs",
            "invalid_parameter_combination"),
        ("/v1/responses", """{"model": "assistant", "input": "x", "top_logprobs": 21}""", 400, "top_logprobs",
            "integer_above_max_value"),
        ("/v1/tokenize", """{"model": "assistant"}""", 400, "prompt", "missing_required_parameter"),
        ("/v1/tokenize", """{"model": "fake", "prompt": "x"}""", 400, "model", "model_not_supported"),
        ("/v1/detokenize", """{"model": "assistant", "tokens": [-1]}""", 400, "tokens[0]", "integer_below_min_value"),
        ("/v1/detokenize", """{"model": "assistant", "tokens": [1, 99999]}""", 400, "tokens[1]",
            "integer_above_max_value"),
        ("/v1/models", "{}", 405, null, "method_not_allowed"),
        ("/v1/nowhere", "{}", 404, null, "unknown_url"),
    ]);

    [Theory]
    [MemberData(nameof(WrongTypes))]
    public async Task Post_WrongType_NamesTheParameter(string path, string body, string param)
        => await AssertErrorAsync(path, body, 400, param, "invalid_type");

    [Theory]
    [MemberData(nameof(WrongValues))]
    public async Task Post_WrongValue_HasStatusParameterAndCode(
        string path, string body, int status, string? param, string? code)
        => await AssertErrorAsync(path, body, status, param, code);

    [Fact]
    public void Tables_HoldTwoHundredRequests()
        => Assert.True(WrongTypes.Count + WrongValues.Count >= 200, $"{WrongTypes.Count} and {WrongValues.Count}");

    private async Task AssertErrorAsync(string path, string body, int status, string? param, string? code)
    {
        var answer = await fixture.Server.PostAsync(path, body);
        Assert.True(answer.Status != System.Net.HttpStatusCode.OK, answer.Text);
        Assert.Equal((status, param, code), answer.Error);
        Assert.Equal("invalid_request_error", (string?)answer.Json["error"]!["type"]);
        Assert.DoesNotContain("   at ", answer.Text, StringComparison.Ordinal);
    }

    private static string With(string body, string name, string value)
    {
        var node = JsonNode.Parse(body)!;
        node[name] = JsonNode.Parse(value);
        return node.ToJsonString();
    }
}

/// <summary>One server for all requests that are wrong.</summary>
public sealed class ErrorServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync(models => models
        .AddModel(TestServer.Assistant, "assistant")
        .AddChatClient("fake", _ => FakeChatClient.Saying(new Microsoft.Extensions.AI.TextContent("ok")))
        .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()),
        options => options.AdaptersPath = Path.GetDirectoryName(TestServer.Assistant));

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
