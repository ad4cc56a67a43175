using System.Text.Json.Nodes;
using LoraSharp.Tokenization.Templates;

namespace LoraSharp.Tests.Tokenization.Templates;

public sealed class ChatTemplateTests
{
    private static readonly ChatMessage[] Conversation = [new("user", "Where?"), new("assistant", "Here.")];

    [Fact]
    public void Messages_are_rendered_in_order()
    {
        ChatTemplate template = ChatTemplate.Parse("{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{{ 'bot:' if add_generation_prompt }}");
        Assert.Equal("user:Where?;assistant:Here.;", template.Render(Conversation));
        Assert.Equal("user:Where?;bot:", template.Render(Conversation[..1], addGenerationPrompt: true));
    }

    [Fact]
    public void Extra_fields_and_parts_reach_the_template()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ messages[0].content[0].text }}{{ messages[0].tool_calls | tojson }}{{ messages[0].keys() | list }}");
        var message = new ChatMessage("assistant", null, new JsonObject { ["tool_calls"] = new JsonArray(1, 2.0, "a") })
        {
            Parts = JsonNode.Parse("""[{"type": "text", "text": "hi"}]"""),
        };
        Assert.Equal("hi[1, 2.0, \"a\"]['role', 'content', 'tool_calls']", template.Render([message]));
    }

    [Fact]
    public void Reasoning_is_known_by_its_other_names()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ messages[0].keys() | list }}{{ messages[0].thinking }}{{ messages[0].reasoning_content }}");
        Assert.Equal("['thinking', 'role', 'reasoning', 'reasoning_content']soso", template.Render([new("assistant", null, new JsonObject { ["reasoning"] = "so" })]));
    }

    [Fact]
    public void Keyword_variables_win_over_special_tokens()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}");
        var request = new ChatTemplateRequest(Conversation)
        {
            SpecialTokens = new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>" },
            Variables = new JsonObject { ["bos_token"] = "<B>" },
        };
        Assert.Equal("<B></s>False", template.Render(request));
    }

    [Fact]
    public void Spans_count_code_points()
    {
        ChatTemplate template = ChatTemplate.Parse("😀{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}|{% endfor %}");
        RenderedChat chat = template.RenderWithSpans(new ChatTemplateRequest([new ChatMessage("assistant", "é😀"), new ChatMessage("assistant", "b")]));
        Assert.Equal("😀é😀|b|", chat.Text);
        Assert.Equal([new GenerationSpan(1, 3), new GenerationSpan(4, 5)], chat.GenerationSpans);
    }

    [Fact]
    public void Errors_carry_the_line_and_the_templates_own_words()
    {
        ChatTemplate template = ChatTemplate.Parse("a\n{% if true %}\n{{ raise_exception('no: ' ~ messages[0].role) }}\n{% endif %}");
        TemplateException e = Assert.Throws<TemplateException>(() => template.Render(Conversation));
        Assert.Equal(("no: user", "TemplateError", (int?)3), (e.Message, e.ErrorType, e.Line));
        Assert.Equal(2, Assert.Throws<TemplateSyntaxException>(() => ChatTemplate.Parse("a\n{{ 1 + }}")).Line);
    }

    [Theory]
    [InlineData("{{ nope.x }}", "UndefinedError")]
    [InlineData("{{ 1 + 'a' }}", "TypeError")]
    [InlineData("{{ messages.append(1) }}", "SecurityError")]
    [InlineData("{{ 1 // 0 }}", "ZeroDivisionError")]
    [InlineData("{{ range(100001) }}", "OverflowError")]
    [InlineData("{% include 'x' %}", "TypeError")]
    public void Errors_have_a_kind(string source, string kind) =>
        Assert.Equal(kind, Assert.Throws<TemplateException>(() => ChatTemplate.Parse(source).Render(Conversation)).ErrorType);

    [Fact]
    public void Empty_and_malformed_conversations_are_refused()
    {
        ChatTemplate template = ChatTemplate.Parse("x");
        Assert.Contains("empty", Assert.Throws<TemplateException>(() => template.Render([])).Message, StringComparison.Ordinal);
        Assert.Throws<TemplateException>(() => template.Render(new ChatTemplateRequest([JsonValue.Create("hello")])));
        Assert.Throws<TemplateException>(() => template.Render(new ChatTemplateRequest(Conversation) { AddGenerationPrompt = true, ContinueFinalMessage = ContinueFinalMessage.Content }));
    }

    [Fact]
    public void One_template_serves_many_threads()
    {
        ChatTemplate template = ChatTemplate.Parse("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content | length %}{% endfor %}{{ ns.n }}");
        Parallel.For(1, 200, i => Assert.Equal($"{i}", template.Render([new ChatMessage("user", new string('x', i))])));
    }

    [Fact]
    public void A_mask_marks_to_the_end_where_a_span_ends_in_token_zero_or_is_cut()
    {
        (int, int)[] offsets = [(0, 2), (2, 3), (3, 5)];
        Assert.Equal([0, 1, 1], AssistantMask.Compute([new GenerationSpan(2, 4)], offsets));
        Assert.Equal([1, 1, 1], AssistantMask.Compute([new GenerationSpan(0, 1)], offsets));
        Assert.Equal([0, 1, 1], AssistantMask.Compute([new GenerationSpan(2, 9)], offsets));
        Assert.Equal([0, 1, 0], AssistantMask.Compute([new GenerationSpan(2, 3), new GenerationSpan(7, 8), new GenerationSpan(3, 5)], offsets));
    }
}
