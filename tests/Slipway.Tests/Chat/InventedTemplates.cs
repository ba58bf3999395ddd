namespace Slipway.Tests.Chat;

/// <summary>Lists chat templates in the manner of the families of models, in words that none of them was published
/// with.</summary>
internal static class InventedTemplates
{
    /// <summary>The templates: a name, the formats of calls and of reasoning that are right, and the source.</summary>
    public static IReadOnlyList<(string Name, string? Calls, string? Reasoning, string Source)> All { get; } =
    [
        ("plain words that name other families' tags", "hermes", null, """
            {%- if tools %}{{ '<|im_start|>system\nNever write [TOOL_CALLS], <|python_tag|>, <function=name> or ' }}
            {{- '<|tool_call|> here; other models do. Functions:\n' }}{% for tool in tools %}{{ tool | tojson }}
            {% endfor %}{{ '<|im_end|>\n' }}{% endif %}
            {%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}
            {%- if m.content %}{{ m.content }}{% endif %}
            {%- for c in m.tool_calls or [] %}
            {{- '<tool_call>\n{"name": "' ~ c.function.name ~ '", "arguments": ' ~ (c.function.arguments | tojson) ~ '}' }}
            {{- '\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
            """),
        ("Granite 4's manner", "hermes", null, """
            {%- for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>
            {%- if loop.first and tools %}Helpers, one a line, inside <tools></tools>:
            <tools>{% for tool in tools %}{{ '\n' }}{{ tool | tojson }}{% endfor %}
            </tools>{{ '\n' }}{% endif %}{{ m.content or '' }}
            {%- for c in m.tool_calls or [] %}{% if not loop.first or m.content %}{{ '\n' }}{% endif %}<tool_call>
            {"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments if c.function.arguments is string
                else c.function.arguments | tojson }}}
            </tool_call>{% endfor %}<|end_of_text|>
            {% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}
            """),
        ("Granite 3's manner", "granite", null, """
            {%- if tools %}<|start_of_role|>available_tools<|end_of_role|>{{ tools | tojson(indent=4) }}<|end_of_text|>
            {% endif %}{% for m in messages %}<|start_of_role|>
            {{- 'tool_response' if m.role == 'tool' else m.role }}<|end_of_role|>
            {%- if m.tool_calls %}<|tool_call|>[
            {%- for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments":
            {{- ' ' ~ (c.function.arguments | tojson) }}}{{ ', ' if not loop.last }}{% endfor %}]
            {%- else %}{{ m.content }}{% endif %}<|end_of_text|>
            {% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}
            """),
        ("FunctionGemma's manner", "function-gemma", null, """
            {{ bos_token }}{% if tools %}<start_of_turn>developer
            These functions are yours:{% for tool in tools %}<start_function_declaration>declaration:
            {{- tool.function.name }}{description:<escape>{{ tool.function.description }}<escape>}
            {%- endfor %}<end_function_declaration><end_of_turn>
            {% endif %}{% for m in messages %}{% if m.role == 'tool' %}<start_function_response>response:
            {{- m.name }}{value:<escape>{{ m.content }}<escape>}<end_function_response>
            {%- else %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
            {{ m.content or '' }}{% for c in m.tool_calls or [] %}<start_function_call>call:{{ c.function.name }}{
            {%- for k, v in c.function.arguments | dictsort %}{{ k }}:
            {%- if v is string %}<escape>{{ v }}<escape>{% else %}{{ v | tojson }}{% endif %}
            {{- ',' if not loop.last }}{% endfor %}}<end_function_call>{% endfor %}<end_of_turn>
            {% endif %}{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
            {% endif %}
            """),
        ("Command R's manner", "command-r", null, """
            {{ bos_token }}{% if tools %}<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|># What you can do
            {% for tool in tools %}def {{ tool.function.name }}(): # {{ tool.function.description }}
            {% endfor %}Write 'Action:' and a list in JSON.<|END_OF_TURN_TOKEN|>{% endif %}
            {%- for m in messages %}<|START_OF_TURN_TOKEN|>{% if m.role == 'assistant' %}<|CHATBOT_TOKEN|>{{ m.content or '' }}
            {%- if m.tool_calls %}{{ '\nAction:\n```json\n[\n' }}{% for c in m.tool_calls %}
                {"tool_name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}
            {{- ',' if not loop.last }}{% endfor %}{{ '\n]\n```' }}{% endif %}
            {%- elif m.role == 'tool' %}<|SYSTEM_TOKEN|><results>{{ m.content }}</results>
            {%- else %}<|USER_TOKEN|>{{ m.content }}{% endif %}<|END_OF_TURN_TOKEN|>{% endfor %}
            {%- if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}
            """),
        ("MiniMax M2's manner", "minimax", "think", """
            {%- for m in messages %}{% if loop.first and tools %}]~!b[]~b]system
            Yours, in JSON:{% for tool in tools %}{{ '\n' }}<tool>{{ tool.function | tojson }}</tool>{% endfor %}[e~[
            {% endif %}]~b]{{ 'ai' if m.role == 'assistant' else m.role }}
            {% if m.reasoning_content %}<think>
            {{ m.reasoning_content }}
            </think>

            {% endif %}{{ m.content or '' }}
            {%- if m.tool_calls %}
            <minimax:tool_call>{% for c in m.tool_calls %}
            <invoke name="{{ c.function.name }}">{% for k, v in c.function.arguments.items() %}
            <parameter name="{{ k }}">{{ v if v is string else v | tojson }}</parameter>{% endfor %}
            </invoke>{% endfor %}
            </minimax:tool_call>{% endif %}[e~[
            {% endfor %}{% if add_generation_prompt %}]~b]ai
            <think>
            {% endif %}
            """),
        ("Hunyuan's manner", "hunyuan", null, """
            {{ bos_token }}{% if tools %}Within <tools></tools> there are functions:<tools>
            {%- for tool in tools %}{{ tool | tojson }}
            {% endfor %}</tools>{% endif %}{% for m in messages %}
            {%- if m.role == 'assistant' %}<｜hy_Assistant｜>{{ m.content or '' }}{% if m.tool_calls %}<tool_calls>
            {%- for c in m.tool_calls %}<tool_call>function<tool_sep>{{ c.function.name }}
            ```json
            {{ c.function.arguments | tojson }}
            ```</tool_call>{% endfor %}</tool_calls>{% endif %}<｜hy_eos｜>
            {%- else %}<｜hy_User｜>{{ m.content }}{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<｜hy_Assistant｜>{% endif %}
            """),
        ("Hunyuan A13B's manner", "tool-calls-tag", "think", """
            {%- for m in messages %}{% if loop.first and tools %}<|startoftext|>Functions: {{ tools | tojson }}<|extra_4|>
            {%- endif %}{% if m.role == 'assistant' %}<think>
            {{ m.reasoning_content or '' }}
            </think>
            <answer>
            {{ m.content or '' }}{% if m.tool_calls %}<tool_calls>[
            {%- for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
            {{- ', ' if not loop.last }}{% endfor %}]</tool_calls>{% endif %}
            </answer><|eos|>{% else %}{{ m.content }}<|extra_0|>{% endif %}{% endfor %}
            """),
        ("InternLM's manner", "internlm", null, """
            {{ bos_token }}{% if tools %}<|im_start|>system name=<|plugin|>
            {{ tools | map(attribute='function') | list | tojson }}<|im_end|>
            {% endif %}{% for m in messages %}<|im_start|>{{ 'environment' if m.role == 'tool' else m.role }}
            {{ m.content or '' }}{% for c in m.tool_calls or [] %}<|action_start|><|plugin|>
            {"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}<|action_end|>
            {%- endfor %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("Llama 4's manner, calls in JSON", "llama-json", null, """
            {{ bos_token }}{% if tools %}<|header_start|>system<|header_end|>

            Reply in JSON where a function helps.
            {% for tool in tools %}{{ tool | tojson(indent=4) }}
            {% endfor %}<|eot|>{% endif %}{% for m in messages %}<|header_start|>{{ m.role }}<|header_end|>

            {% if m.tool_calls %}{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "parameters":
            {{- ' ' ~ (c.function.arguments | tojson) }}}{% endfor %}{% else %}{{ m.content }}{% endif %}<|eot|>
            {%- endfor %}{% if add_generation_prompt %}<|header_start|>assistant<|header_end|>

            {% endif %}
            """),
        ("Llama 4's manner, calls in Python", "llama-4", null, """
            {{ bos_token }}{% if tools %}<|header_start|>system<|header_end|>

            {{ tools | tojson }}<|eot|>{% endif %}{% for m in messages %}<|header_start|>{{ m.role }}<|header_end|>

            {% if m.tool_calls %}<|python_start|>[{% for c in m.tool_calls %}{{ c.function.name }}(
            {%- for k, v in c.function.arguments.items() %}{{ k }}={{ v | tojson }}{{ ', ' if not loop.last }}
            {%- endfor %}){{ ', ' if not loop.last }}{% endfor %}]<|python_end|>{% else %}{{ m.content }}{% endif %}<|eot|>
            {%- endfor %}{% if add_generation_prompt %}<|header_start|>assistant<|header_end|>

            {% endif %}
            """),
        ("ToolACE's manner, described", "pythonic", null, """
            {{ bos_token }}{% if tools %}<|start_header_id|>system<|end_header_id|>

            You compose functions. When one fits, your whole answer is a list of calls such as
            [first_tool(key_one=value_one, key_two=value_two), second_tool(key=value)] and nothing besides.
            {{ tools | tojson }}<|eot_id|>{% endif %}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>

            {{ m.content }}<|eot_id|>{% endfor %}
            """),
        ("xLAM 2's manner", "bare-list", null, """
            {{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first and tools %}Tools: {{ tools | tojson }}
            {% endif %}{% if m.tool_calls %}[{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments":
            {{- ' ' ~ (c.function.arguments | tojson) }}}{{ ', ' if not loop.last }}{% endfor %}]
            {%- else %}{{ m.content }}{% endif %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("Hammer's manner, described", "bare-list", null, """
            {%- if tools %}<|im_start|>system
            Say which helpers you want as a list, and only that:
            [{"name": "one_tool", "arguments": {"key": "value"}}, {"name": "another", "arguments": {}}]
            Say [] for none. {{ tools | tojson }}<|im_end|>
            {% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
            {{ m.content }}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("ERNIE's manner", "hermes", "granite", """
            {%- for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first and tools %}<tool_list>{{ tools | tojson }}</tool_list>
            {% endif %}{% if m.role == 'assistant' %}<think>
            {{ m.reasoning_content or '' }}
            </think>
            <response>
            {{ m.content or '' }}
            </response>
            {% for c in m.tool_calls or [] %}<tool_call>
            {"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
            </tool_call>
            {% endfor %}{% else %}{{ m.content }}{% endif %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            <think>
            {% endif %}
            """),
        ("Nemotron Nano's manner", "nemotron", "think", """
            {%- for m in messages %}<SPECIAL_11>{{ m.role }}
            {% if loop.first and tools %}<AVAILABLE_TOOLS>{{ tools | map(attribute='function') | list | tojson }}</AVAILABLE_TOOLS>
            Ask for them inside <TOOLCALL></TOOLCALL>.
            {% endif %}{% if m.role == 'tool' %}<TOOL_RESPONSE>[{{ m.content }}]</TOOL_RESPONSE>
            {%- elif m.role == 'assistant' %}{{ (m.content or '').split('</think>')[-1] }}{% if m.tool_calls %}<TOOLCALL>[
            {%- for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
            {{- ', ' if not loop.last }}{% endfor %}]</TOOLCALL>{% endif %}
            <SPECIAL_12>{% else %}{{ m.content }}{% endif %}
            {% endfor %}{% if add_generation_prompt %}<SPECIAL_11>Assistant
            <think>
            {% endif %}
            """),
        ("Jamba's manner", "tool-calls-tag", null, """
            {{ bos_token }}{% for m in messages %}<|bom|><|{{ m.role }}|> {% if loop.first and tools %}<tool_definitions>
            {{ tools | tojson }}
            </tool_definitions>
            {% endif %}{{ m.content or '' }}{% if m.tool_calls %}<tool_calls>[
            {%- for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
            {{- ', ' if not loop.last }}{% endfor %}]</tool_calls>{% endif %}<|eom|>{% endfor %}
            {%- if add_generation_prompt %}<|bom|><|assistant|>{% endif %}
            """),
        ("Mistral 7B's manner", "mistral", null, """
            {{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}
            {%- if loop.last and tools %}[AVAILABLE_TOOLS] {{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}[INST] {{ m.content }}[/INST]
            {%- elif m.tool_calls %}[TOOL_CALLS] [{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments":
            {{- ' ' ~ (c.function.arguments | tojson) }}, "id": "{{ c.id }}"}{{ ', ' if not loop.last }}{% endfor %}]
            {{- eos_token }}{% elif m.role == 'tool' %}[TOOL_RESULTS] {"content": {{ m.content | tojson }}, "call_id": "
            {{- m.tool_call_id }}"}[/TOOL_RESULTS]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}
            """),
        ("Magistral's manner", "mistral-args", "think-brackets", """
            {{ bos_token }}{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}
            {%- for m in messages %}{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]
            {%- elif m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}
            Think between [THINK] and [/THINK].[/SYSTEM_PROMPT]
            {%- elif m.role == 'tool' %}[TOOL_RESULTS]{{ m.content }}[/TOOL_RESULTS]
            {%- else %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}[TOOL_CALLS]{{ c.function.name }}[ARGS]
            {{- c.function.arguments | tojson }}{% endfor %}{{ eos_token }}{% endif %}{% endfor %}
            """),
        ("GLM's manner", "key-value-tag", "think", """
            [gMASK]<sop>{% if tools %}<|system|>
            The following are functions, in <tools></tools>.
            <tools>{% for tool in tools %}{{ '\n' }}{{ tool | tojson }}{% endfor %}
            </tools>{% endif %}{% for m in messages %}{% if m.role == 'tool' %}<|observation|>
            <tool_response>{{ m.content }}</tool_response>
            {%- else %}<|{{ m.role }}|>
            {% if m.role == 'assistant' %}<think></think>{% endif %}{{ m.content or '' }}
            {%- for c in m.tool_calls or [] %}
            <tool_call>{{ c.function.name }}
            {% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key>
            <arg_value>{{ v if v is string else v | tojson }}</arg_value>
            {% endfor %}</tool_call>{% endfor %}{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<|assistant|>{% endif %}
            """),
        ("SmolLM 3's manner, tools apart", "hermes", "think", """
            {%- for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first %}{% if xml_tools %}In XML, within <tools></tools>:
            {% for tool in xml_tools %}{{ tool | string }}
            {% endfor %}Each call is JSON within <tool_call></tool_call>:
            <tool_call>
            {"name": <the function>, "arguments": <its arguments>}
            </tool_call>
            {% endif %}{% if python_tools %}{{ python_tools }}{% endif %}{% endif %}
            {%- if m.role == 'assistant' and enable_thinking == false %}<think>

            </think>
            {% endif %}{{ m.content if m.content is string else '' }}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("Qwen 3 Coder's manner", "function-tag", null, """
            {%- for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first and tools %}# Helpers
            {% for tool in tools %}<function><name>{{ tool.function.name }}</name></function>
            {% endfor %}{% endif %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}
            <tool_call>
            <function={{ c.function.name }}>
            {% for k, v in c.function.arguments | items %}<parameter={{ k }}>
            {{ v if v is string else v | tojson }}
            </parameter>
            {% endfor %}</function>
            </tool_call>{% endfor %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("DeepSeek V3's manner", "deepseek-r1", null, """
            {{ bos_token }}{% if tools %}Tools: {{ tools | tojson }}{% endif %}{% for m in messages %}
            {%- if m.role == 'user' %}<｜User｜>{{ m.content }}
            {%- elif m.role == 'tool' %}<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>{{ m.content }}<｜tool▁output▁end｜>
            {%- elif m.tool_calls %}<｜Assistant｜><｜tool▁calls▁begin｜>{% for c in m.tool_calls %}<｜tool▁call▁begin｜>
            {{- 'function' }}<｜tool▁sep｜>{{ c.function.name }}
            ```json
            {{ c.function.arguments | tojson }}
            ```<｜tool▁call▁end｜>{% endfor %}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>
            {%- else %}<｜Assistant｜>{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<｜Assistant｜>{% endif %}
            """),
        ("DeepSeek V3.1's manner, arguments as text", "deepseek-v3.1", "think", """
            {{ bos_token }}{% if tools %}Tools: {{ tools | tojson }}{% endif %}{% for m in messages %}
            {%- if m.role == 'user' %}<｜User｜>{{ m.content }}
            {%- elif m.role == 'tool' %}<｜tool▁output▁begin｜>{{ m.content }}<｜tool▁output▁end｜>
            {%- elif m.tool_calls %}<｜Assistant｜></think><｜tool▁calls▁begin｜>{% for c in m.tool_calls %}<｜tool▁call▁begin｜>
            {{- c.function.name + '<｜tool▁sep｜>' + c.function.arguments + '<｜tool▁call▁end｜>' }}
            {%- endfor %}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>
            {%- else %}<｜Assistant｜></think>{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<｜Assistant｜><think>{% endif %}
            """),
        ("gpt-oss's manner", "harmony", "harmony", """
            <|start|>system<|message|>Channels: analysis, commentary, final.<|end|>
            {%- if tools %}<|start|>developer<|message|>namespace functions {
            {%- for tool in tools %} type {{ tool.function.name }} = (_: {}) => any;{% endfor %} }<|end|>{% endif %}
            {%- for m in messages %}{% if m.role == 'tool' %}<|start|>functions.{{ m.name }} to=assistant
            {{- '<|channel|>commentary<|message|>' + m.content | tojson }}<|end|>
            {%- elif m.role == 'assistant' and m.tool_calls %}<|start|>assistant to=functions.
            {{- m.tool_calls[0].function.name }}<|channel|>commentary json<|message|>
            {{- m.tool_calls[0].function.arguments | tojson }}<|call|>
            {%- elif m.role == 'assistant' %}{% if m.thinking %}<|start|>assistant<|channel|>analysis<|message|>
            {{- m.thinking }}<|end|>{% endif %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}<|end|>
            {%- else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<|start|>assistant{% endif %}
            """),
        ("Kimi's manner", "kimi", null, """
            {%- if tools %}<|im_system|>tool_declare<|im_middle|>{{ tools | tojson }}<|im_end|>{% endif %}
            {%- for m in messages %}<|im_{{ m.role }}|>{{ m.role }}<|im_middle|>{{ m.content or '' }}
            {%- if m.tool_calls %}<|tool_calls_section_begin|>{% for c in m.tool_calls %}<|tool_call_begin|>
            {{- 'functions.' ~ c.function.name ~ ':' ~ loop.index0 }}<|tool_call_argument_begin|>
            {{- c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}<|tool_call_end|>
            {%- endfor %}<|tool_calls_section_end|>{% endif %}<|im_end|>{% endfor %}
            {%- if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{% endif %}
            """),
        ("LFM2's manner", "lfm2", null, """
            {{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first and tools %}Tools of mine: <|tool_list_start|>{{ tools | tojson }}<|tool_list_end|>
            {% endif %}{{ m.content or '' }}{% if m.tool_calls %}<|tool_call_start|>[{% for c in m.tool_calls %}
            {{- c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}={{ v | tojson }}
            {{- ', ' if not loop.last }}{% endfor %}){{ ', ' if not loop.last }}{% endfor %}]<|tool_call_end|>{% endif %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("Phi 4 mini's manner", "pipe-tag", null, """
            {%- for m in messages %}{% if m.role == 'system' and m.tools %}<|system|>{{ m.content }}<|tool|>{{ m.tools }}<|/tool|><|end|>
            {%- elif m.tool_calls %}<|assistant|><|tool_call|>[{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments":
            {{- ' ' ~ (c.function.arguments | tojson) }}}{{ ', ' if not loop.last }}{% endfor %}]<|/tool_call|><|end|>
            {%- else %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}{% endfor %}
            {%- if add_generation_prompt %}<|assistant|>{% endif %}
            """),
        ("Gemma 4's manner", "gemma-4", "gemma-4", """
            {{ bos_token }}{% for m in messages %}<|turn>{{ 'model' if m.role == 'assistant' else m.role }}
            {% if loop.first and tools %}{% for tool in tools %}<|tool>declaration:{{ tool.function.name }}{}<tool|>{% endfor %}
            {%- endif %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}<|tool_call>call:{{ c.function.name }}{
            {%- for k, v in c.function.arguments | dictsort %}{{ k }}:
            {%- if v is string %}<|"|>{{ v }}<|"|>{% else %}{{ v | tojson }}{% endif %}{{ ',' if not loop.last }}
            {%- endfor %}}<tool_call|>{% endfor %}{# thoughts: <|channel>thought\n…<channel|> #}<turn|>
            {% endfor %}{% if add_generation_prompt %}<|turn>model
            {% endif %}
            """),
        ("Olmo 3's manner, which is unknown", null, null, """
            {%- for m in messages %}<|im_start|>{{ m.role }}
            {% if loop.first and tools %}<functions>{{ tools | tojson }}</functions>
            {% endif %}{{ m.content or '' }}{% if m.tool_calls %}<function_calls>
            {%- for c in m.tool_calls %}{{ c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}=
            {{- v | tojson }}{{ ', ' if not loop.last }}{% endfor %}){{ '\n' if not loop.last }}{% endfor %}</function_calls>
            {%- endif %}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """),
        ("LongCat's manner, which is unknown", null, null, """
            {%- for m in messages %}[Round {{ loop.index0 }}] {{ m.role }}:{% if loop.first and tools %}{{ tools | tojson }}
            {%- endif %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}<longcat_tool_call>{{ c.function.name }}
            {% for k, v in c.function.arguments.items() %}<longcat_arg_key>{{ k }}</longcat_arg_key>
            <longcat_arg_value>{{ v }}</longcat_arg_value>
            {% endfor %}</longcat_tool_call>{% endfor %}{% endfor %}
            """),
        ("a tag of one's own around a call, which is unknown", null, null, """
            {%- for m in messages %}<|{{ m.role }}|>{% if loop.first and tools %}{{ tools | tojson }}{% endif %}
            {{- m.content or '' }}{% for c in m.tool_calls or [] %}<ask>{"name": "{{ c.function.name }}", "arguments":
            {{- ' ' ~ (c.function.arguments | tojson) }}}</ask>{% endfor %}<|end|>{% endfor %}
            """),
        ("a tag of one's own around a list, which is unknown", null, null, """
            {%- for m in messages %}<|{{ m.role }}|>{% if loop.first and tools %}{{ tools | tojson }}{% endif %}
            {{- m.content or '' }}{% if m.tool_calls %}<ask>[{% for c in m.tool_calls %}{"name": "{{ c.function.name }}",
            {{- ' "arguments": ' ~ (c.function.arguments | tojson) }}}{% endfor %}]</ask>{% endif %}<|end|>{% endfor %}
            """),
        ("a tag of one's own in words, which is unknown", null, null, """
            {%- for m in messages %}<|{{ m.role }}|>{% if loop.first and tools %}Ask by
            <ask>[{"name": "one", "arguments": {}}]</ask>. {{ tools | tojson }}{% endif %}
            {{- m.content or '' }}{% endfor %}
            """),
    ];
}
