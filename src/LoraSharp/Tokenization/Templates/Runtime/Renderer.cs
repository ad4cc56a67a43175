using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using LoraSharp.Tokenization.Templates.Syntax;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>One rendering of a template: its variables, its clock, and what it may still use up.</summary>
internal sealed class Renderer
{
    // What runs on this thread, for comparisons and scans deep inside of values, which have no other way to be counted.
    [ThreadStatic]
    private static Renderer? t_current;

    private readonly BoundTemplate _template;
    private readonly IReadOnlyDictionary<string, object?> _variables;
    private readonly Dictionary<string, object?> _exported = new(StringComparer.Ordinal);
    private readonly ChatTemplateLimits _limits;
    private readonly List<(int Start, int Length)> _generations = [];
    private readonly TemplateOutput _output;
    private long _stepsLeft;
    private int _depth;

    private Renderer(BoundTemplate template, IReadOnlyDictionary<string, object?> variables, ChatTemplateLimits limits, TimeProvider clock)
    {
        _template = template;
        _variables = variables;
        _limits = limits;
        _stepsLeft = limits.MaxSteps;
        Clock = clock;
        _output = new TemplateOutput(this);
    }

    public TimeProvider Clock { get; }

    /// <summary>Whether values are escaped for HTML; only inside of <c>{% autoescape true %}</c>.</summary>
    public bool AutoEscape { get; set; }

    /// <summary>The variables around the scoped block that is being rendered, if any.</summary>
    public IReadOnlyDictionary<string, object?>? ScopedVariables { get; set; }

    public int MaxLength => _limits.MaxOutputLength;

    public static RenderedTemplate Run(BoundTemplate template, IReadOnlyDictionary<string, object?> variables, ChatTemplateLimits limits, TimeProvider clock)
    {
        var renderer = new Renderer(template, variables, limits, clock);
        var activation = new Activation(renderer, template.Layout.SlotCount, null);
        Renderer? outer = t_current;
        t_current = renderer;
        try
        {
            template.Self?.Set(activation, new TemplateReference());
            template.Entry.Enter(activation);
            Statement.ExecuteAll(template.Body, activation, renderer._output);
            string text = renderer._output.ToString();
            return new RenderedTemplate(text, renderer.SpansIn(text));
        }
        finally
        {
            t_current = outer;
        }
    }

    /// <summary>Takes steps for going once over a text: fast, but not free where a text is long.</summary>
    public static void CountScan(int length)
    {
        if (length >= 256)
        {
            t_current?.ChargeItems(length / 256);
        }
    }

    /// <summary>Takes steps for the items of lists and mappings that are compared, and makes sure that there is stack left to go into them.</summary>
    public static void CountNested(int items)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateLimitException("A value of the template is nested deeper than the stack allows.");
        }

        t_current?.ChargeItems(items + 1L);
    }

    public object? Resolve(string name)
    {
        if (ScopedVariables is not null && ScopedVariables.TryGetValue(name, out object? value))
        {
            return value;
        }

        return _exported.TryGetValue(name, out value) || _variables.TryGetValue(name, out value) || Globals.All.TryGetValue(name, out value)
            ? value
            : Missing.Value;
    }

    public void Export(Activation activation, AssignmentTarget target)
    {
        foreach (NameTarget name in target.Names)
        {
            _exported[name.Name] = name.Variable.Get(activation);
        }
    }

    public BlockStatement? FindBlock(string name) => _template.Blocks.GetValueOrDefault(name);

    /// <summary>Takes a step, and makes sure that there is stack left to go deeper.</summary>
    public void Step()
    {
        if (--_stepsLeft < 0)
        {
            ThrowTooManySteps();
        }

        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            ThrowTooDeep();
        }
    }

    /// <summary>Takes a step for each item of a new list or mapping.</summary>
    public void ChargeItems(long count)
    {
        if (count > _stepsLeft)
        {
            ThrowTooManySteps();
        }

        _stepsLeft -= count;
    }

    /// <summary>Takes the steps of a search, which in the worst case compares the whole pattern at every place.</summary>
    public void ChargeSearch(int textLength, int patternLength) => ChargeItems((textLength / 16) + ((long)textLength * patternLength / 2048));

    /// <summary>Takes a step for every four characters of a new text, and refuses a text that is too long before it is made.</summary>
    public void ChargeText(long length)
    {
        if (length > MaxLength)
        {
            throw new TemplateLimitException(
                $"The template builds a text of {length} characters, more than the allowed {MaxLength}; {nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.MaxOutputLength)} raises the limit.");
        }

        ChargeItems(length / 4);
    }

    public void EnterCall()
    {
        if (++_depth > _limits.MaxDepth)
        {
            ThrowTooDeep();
        }
    }

    public void LeaveCall() => _depth--;

    public string Concat(IEnumerable<string> parts)
    {
        var text = new TemplateOutput(this);
        foreach (string part in parts)
        {
            text.Append(part);
        }

        return text.ToString();
    }

    /// <summary>The text of a block or macro as a value: safe markup where escaping is on.</summary>
    public object AsBlockText(object? text) => AutoEscape && text is not Markup ? new Markup(Printing.Str(this, text)) : text!;

    public void AddGeneration(object? text) => _generations.Add((_output.Length, CodePoints.Length(Printing.Str(this, text))));

    [DoesNotReturn]
    private void ThrowTooManySteps() => throw new TemplateLimitException(
        $"The template takes more than {_limits.MaxSteps} steps; {nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.MaxSteps)} raises the limit.");

    [DoesNotReturn]
    private void ThrowTooDeep() => throw new TemplateLimitException(
        $"The template recurses deeper than {_limits.MaxDepth} calls or than the stack allows; {nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.MaxDepth)} raises the limit.");

    /// <summary>Starts are noted in UTF-16 units of the output; spans are in code points.</summary>
    private List<GenerationSpan> SpansIn(string text)
    {
        var spans = new List<GenerationSpan>(_generations.Count);
        int units = 0;
        int points = 0;
        foreach ((int start, int length) in _generations)
        {
            // Starts never fall, so one pass over the text is enough.
            points += CodePoints.Length(text.AsSpan(units, start - units));
            units = start;
            spans.Add(new GenerationSpan(points, points + length));
        }

        return spans;
    }
}

/// <summary>A rendered text and the spans of its generation blocks.</summary>
internal sealed record RenderedTemplate(string Text, IReadOnlyList<GenerationSpan> GenerationSpans);
