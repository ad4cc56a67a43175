using System.Diagnostics;
using System.Text.Json.Nodes;
using FsCheck.Fluent;
using FsCheck.Xunit;
using LoraSharp.Tokenization.Templates;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tests.Tokenization.Templates;

/// <summary>Templates that want too much end in a clear error, soon.</summary>
public sealed class HostileTemplateTests
{
    public static TheoryData<string> Greedy => new(
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% block b %}{{ self.b() }}{% endblock %}",
        "{% macro f() %}{{ [1]|map('nosuch') }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s|replace('a', ns.s) %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(90000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(90000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(90000) %}{% set ns.s, ns.t = [ns.s], [ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s={'a': 1}) %}{% for i in range(200) %}{% set ns.s = {'a': ns.s, 'b': ns.s} %}{% endfor %}{{ ns.s|pprint }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(200) %}{% set ns.s, ns.t = [ns.s, ns.s], [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=(1,)) %}{% for i in range(200) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
        "{% set a = range(90000)|list %}{% set b = range(90000)|list %}{% for i in range(90000) %}{{ a == b }}{{ a in [b] }}{{ a < b }}{% endfor %}",
        "{% set t = text * 100 %}{% set u = text * 100 %}{% for i in range(90000) %}{{ t|length }}{{ t[5] }}{{ t == u }}{{ {t: 1}[u] }}{{ t < u }}{% endfor %}",
        "{% set t = text * 9 %}{% set p = text ~ 'b' ~ text %}{% for i in range(90000) %}{{ p in t }}{{ t.count(p) }}{{ t|replace(p, 'x')|length }}{{ t.split(p)|length }}{% endfor %}",
        "{% set ns = namespace(g=[1]) %}{% for i in range(90000) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}",
        "{{ dict(range(90000)|map('list')) }}",
        "{{ 'a' * 10**9 }}",
        "{{ 'a' * 10**30 }}",
        "{{ [1] * 10**9 }}",
        "{{ (1,) * 10**15 }}",
        "{{ 'a'.encode() * 10**9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 7 ** 7000000 }}",
        "{% set ns = namespace(n=3) %}{% for i in range(100) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a'|center(10**9) }}",
        "{{ 'a'.ljust(2**40) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:<{w}}'.format('a', w=10**9) }}",
        "{{ '%*d' % (10**9, 1) }}",
        "{{ '\\t'.expandtabs(10**9) }}",
        "{{ 'a\\nb'|indent(10**9) }}",
        "{{ [[[1]]]|tojson(indent=10**8) }}",
        "{{ [1]|batch(10**9, 'x')|list }}",
        "{{ [1]|slice(10**9)|list }}",
        "{{ 'a'.join(range(100000)|map('string')) * 1000 }}",
        "{{ lipsum(10**9) }}",
        "{% for i in range(100000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 100 }}{% endfor %}",
        "{% for i in range(100000) %}{{ text|upper|lower|title }}{% endfor %}",
        "{% for i in range(100000) %}{{ text.split('') if false else text.split('a')|length }}{% endfor %}",
        "{% for i in range(100000) %}{{ 'zz' in text }}{{ text.find('zz') }}{{ text.count('zz') }}{{ text.strip('a')|length }}{% endfor %}",
        "{% for i in range(100000) %}{{ range(100000)|sort|first }}{% endfor %}",
        "{% for i in range(100000) %}{{ range(100000)|list == range(100000)|list }}{% endfor %}",
        "{{ " + new string('(', 100_000) + "1" + new string(')', 100_000) + " }}",
        "{{ " + new string('[', 100_000) + new string(']', 100_000) + " }}",
        "{{ " + string.Concat(Enumerable.Repeat("not ", 100_000)) + "1 }}",
        "{{ " + new string('-', 100_000) + "1 }}",
        "{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 200_000)) + " }}",
        "{{ x" + string.Concat(Enumerable.Repeat(".x", 200_000)) + " }}",
        "{{ x" + string.Concat(Enumerable.Repeat("|upper", 200_000)) + " }}",
        "{{ 1" + string.Concat(Enumerable.Repeat(" if 1 else 1", 100_000)) + " }}",
        string.Concat(Enumerable.Repeat("{% if 1 %}", 50_000)) + string.Concat(Enumerable.Repeat("{% endif %}", 50_000)),
        "{{ " + new string('9', 100_000) + " }}",
        new string('a', 5_000_000));

    [Theory]
    [MemberData(nameof(Greedy), DisableDiscoveryEnumeration = true)]
    public void A_greedy_template_is_stopped(string template)
    {
        // On a stack of a fixed size: whether the runner's own holds a value nested 90,000 deep depends on how far the code has been optimised.
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    RequireStopped(template);
                }
                catch (Exception e)
                {
                    failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
                }
            },
            maxStackSize: 1 << 20);
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    private static void RequireStopped(string template)
    {
        var variables = new Dictionary<string, object?> { ["text"] = new string('a', 100_000) };
        // A tenth of the default, to keep the tests quick.
        var limits = new ChatTemplateLimits { MaxSteps = ChatTemplateLimits.Default.MaxSteps / 10 };
        var watch = Stopwatch.StartNew();
        try
        {
            JinjaTemplate.Parse(template, limits).Render(variables);
        }
        catch (TemplateException e)
        {
            Assert.NotEmpty(e.Message);
            Assert.True(e.Message.Length < 1000, e.Message[..Math.Min(1000, e.Message.Length)]);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"took {watch.Elapsed}");
            return;
        }

        // A chain of operators is no danger as long as the stack holds it.
        Assert.StartsWith("{{ ", template, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"took {watch.Elapsed}");
    }

    [Fact]
    public void Limits_are_options()
    {
        var limits = new ChatTemplateLimits { MaxSteps = 100, MaxOutputLength = 50, MaxDepth = 20, MaxSourceLength = 200 };
        Assert.Contains("MaxSteps", Refused("{% for i in range(200) %}{% endfor %}", limits), StringComparison.Ordinal);
        Assert.Contains("MaxOutputLength", Refused("{{ 'abc' * 20 }}", limits), StringComparison.Ordinal);
        Assert.Contains("MaxDepth", Refused("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", limits with { MaxSteps = 10_000 }), StringComparison.Ordinal);
        Assert.Contains("MaxDepth", Refused("{{ " + new string('(', 30) + "1" + new string(')', 30) + " }}", limits), StringComparison.Ordinal);
        Assert.Contains("MaxSourceLength", Refused(new string('a', 201), limits), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => ChatTemplate.Parse("a", new ChatTemplateLimits { MaxSteps = 0 }));
    }

    [Property(MaxTest = 300)]
    public FsCheck.Property Any_text_ends_in_a_text_or_a_template_error() => Prop.ForAll(Templates().ToArbitrary(), template =>
    {
        var limits = new ChatTemplateLimits { MaxSteps = 20_000, MaxOutputLength = 100_000 };
        Dictionary<string, object?> variables = JsonValues.Variables(JsonNode.Parse("""{"x": 3, "s": "a b😀", "l": [1, "a", null], "d": {"a": 1, "b": [2]}}""")!.AsObject());
        try
        {
            Assert.NotNull(JinjaTemplate.Parse(template, limits).Render(variables).Text);
        }
        catch (TemplateException e)
        {
            Assert.NotEmpty(e.ErrorType);
        }
    });

    /// <summary>Random pieces of the language, mostly wrong, often nearly right.</summary>
    private static FsCheck.Gen<string> Templates()
    {
        string[] pieces =
        [
            "{{ ", " }}", "{% ", " %}", "{%- ", "-}}", "{# ", " #}", "for i in l", "endfor", "if x", "else", "endif", "set y = ", "macro m(a, b=1)", "endmacro", "m(1)", "raw", "endraw",
            "generation", "endgeneration", "filter upper", "endfilter", "x", "s", "l", "d", "nope", "'a'", "\"b\\x41\"", "1", "2.5", "1e400", "none", "true", "(", ")", "[", "]", "{", "}", ",", ":", ".",
            "|", " is ", " not ", " in ", " and ", " or ", " + ", " - ", " * ", " / ", " // ", " % ", " ** ", " ~ ", " == ", " < ", "upper", "join", "map('upper')", "sort", "list", "length", "round", "tojson",
            "format(1)", "%s", "{:>5}", "items()", "split()", "[1:2]", "[::-1]", "defined", "odd", "loop.index", "recursive", "range(5)", "namespace()", " ", "\n", "\\", "é😀", "\0", "call m(1)", "endcall", "block b", "endblock",
            "{{ x }}", "{% if x %}a{% endif %}", "{% for i in l %}{{ i }}{% endfor %}", "break", "continue", "if 1", "else 2",
        ];
        return Gen.Elements(pieces).ListOf().Select(p => string.Concat(p));
    }

    private static string Refused(string template, ChatTemplateLimits limits) =>
        Assert.Throws<TemplateLimitException>(() => JinjaTemplate.Parse(template, limits).Render(new Dictionary<string, object?>())).Message;
}
