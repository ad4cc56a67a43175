using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Tests.Golden;
using LoraSharp.Tokenization.Templates;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tests.Tokenization.Templates;

/// <summary>Every row of every case, with the text, the spans or the error that the reference implementation gives.</summary>
public sealed class ChatTemplateGoldenTests
{
    // Errors of the parser, as the reference names them: the last is a break outside of a loop.
    private static readonly string[] ParseErrors = ["TemplateSyntaxError", "TemplateAssertionError", "SyntaxError"];

    [Theory, GoldenCases("chat-template")]
    public void Golden(string name)
    {
        var c = new GoldenCase("chat-template", name);
        c.RequireKnownParameters("kind", "now", "chat_template", "special_tokens");
        var clock = new FixedClock(DateTime.Parse(c.Parameters.GetProperty("now").GetString()!, CultureInfo.InvariantCulture));
        string kind = c.Parameters.GetProperty("kind").GetString()!;
        JsonElement[] rows = [.. c.Inputs.GetProperty("renders").EnumerateArray()];
        JsonElement[] expected = [.. c.Expected.GetProperty("renders").EnumerateArray()];
        Assert.Equal(rows.Length, expected.Length);
        Func<JsonElement, RenderedChat> render = kind switch
        {
            "unit" => row => RenderUnit(row, clock),
            "chat" => ChatRenderer(c, clock),
            _ => throw new InvalidOperationException($"unknown kind '{kind}'"),
        };

        Tokenizer? tokenizer = null;
        if (c.Root.TryGetProperty("model", out _))
        {
            tokenizer = Tokenizer.Load(c.ModelFolder());
            tokenizer.ChatTemplateSource = File.ReadAllText(Path.Combine(c.Folder, c.Parameters.GetProperty("chat_template").GetString()!));
        }

        var failures = new StringBuilder();
        for (int i = 0; i < rows.Length; i++)
        {
            string? difference = Difference(() => render(rows[i]), expected[i]);
            if (difference is null && expected[i].TryGetProperty("input_ids", out _))
            {
                difference = TokenDifference(tokenizer!, ChatRows.Read(rows[i], tokenizer!.SpecialTokens, clock), rows[i], expected[i]);
            }

            if (difference is not null)
            {
                string what = rows[i].TryGetProperty("template", out JsonElement template) ? template.GetRawText() : rows[i].GetProperty("name").GetString()!;
                failures.AppendLine(CultureInfo.InvariantCulture, $"row {i}, {what}: {difference}");
            }
        }

        Assert.True(failures.Length == 0, failures.ToString());
    }

    private static RenderedChat RenderUnit(JsonElement row, FixedClock clock)
    {
        Assert.Equal(["template", "variables"], row.EnumerateObject().Select(p => p.Name));
        Dictionary<string, object?> variables = JsonValues.Variables(JsonNode.Parse(row.GetProperty("variables").GetRawText())!.AsObject());
        RenderedTemplate rendered = JinjaTemplate.Parse(row.GetProperty("template").GetString()!).Render(variables, clock);
        return new RenderedChat(rendered.Text, []);
    }

    private static Func<JsonElement, RenderedChat> ChatRenderer(GoldenCase c, FixedClock clock)
    {
        string source = File.ReadAllText(Path.Combine(c.Folder, c.Parameters.GetProperty("chat_template").GetString()!));
        ChatTemplate template = ChatTemplate.Parse(source);
        Dictionary<string, string> special = c.Parameters.GetProperty("special_tokens").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
        return row => template.RenderWithSpans(ChatRows.Read(row, special, clock));
    }

    /// <summary>Rows with a mask go through the tokenizer as well.</summary>
    private static string? TokenDifference(Tokenizer tokenizer, ChatTemplateRequest request, JsonElement row, JsonElement expected)
    {
        int? maxLength = row.GetProperty("max_length") is { ValueKind: JsonValueKind.Number } length ? length.GetInt32() : null;
        ChatTokens tokens = tokenizer.ApplyChatTemplateTokens(request, withAssistantMask: true, maxLength);
        int[] ids = [.. expected.GetProperty("input_ids").EnumerateArray().Select(i => i.GetInt32())];
        int[] mask = [.. expected.GetProperty("assistant_masks").EnumerateArray().Select(i => i.GetInt32())];
        return !tokens.Ids.SequenceEqual(ids) ? $"expected ids {expected.GetProperty("input_ids")}, got [{string.Join(',', tokens.Ids)}]"
            : !tokens.AssistantMask!.SequenceEqual(mask) ? $"expected mask {expected.GetProperty("assistant_masks")}, got [{string.Join(',', tokens.AssistantMask!)}]"
            : null;
    }

    private static string? Difference(Func<RenderedChat> render, JsonElement expected)
    {
        RenderedChat? actual = null;
        TemplateException? error = null;
        try
        {
            actual = render();
        }
        catch (TemplateException e)
        {
            error = e;
        }

        if (expected.TryGetProperty("error", out JsonElement wanted))
        {
            return ErrorDifference(actual, error, wanted);
        }

        string text = expected.GetProperty("text").GetString()!;
        if (error is not null)
        {
            return $"expected {JsonSerializer.Serialize(text)}, got {error.ErrorType}: {error.Message}";
        }

        if (actual!.Text != text)
        {
            return $"expected {JsonSerializer.Serialize(text)}, got {JsonSerializer.Serialize(actual.Text)}";
        }

        if (!expected.TryGetProperty("generation_spans", out JsonElement spans))
        {
            return null;
        }

        GenerationSpan[] wantedSpans = [.. spans.EnumerateArray().Select(s => new GenerationSpan(s[0].GetInt32(), s[1].GetInt32()))];
        return actual.GenerationSpans.SequenceEqual(wantedSpans) ? null : $"expected spans {spans}, got {string.Join(", ", actual.GenerationSpans)}";
    }

    private static string? ErrorDifference(RenderedChat? actual, TemplateException? error, JsonElement wanted)
    {
        string type = wanted.GetProperty("type").GetString()!;
        if (error is null)
        {
            return $"expected {type}, got {JsonSerializer.Serialize(actual!.Text)}";
        }

        if (ParseErrors.Contains(type) != error is TemplateSyntaxException)
        {
            return $"expected {type}, got {error.ErrorType}: {error.Message}";
        }

        return type == "TemplateError" && (error.ErrorType != type || error.Message != wanted.GetProperty("message").GetString())
            ? $"expected the message {wanted}, got {error.ErrorType}: {error.Message}"
            : null;
    }
}
