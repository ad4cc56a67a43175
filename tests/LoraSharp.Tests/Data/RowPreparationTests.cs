using System.Text.Json;
using LoraSharp.Data;

namespace LoraSharp.Tests.Data;

public class RowPreparationTests
{
    private static readonly object[] Chat = [new { role = "user", content = "Hi" }, new { role = "assistant", content = "Yo" }];

    [Fact]
    public void The_prompt_is_not_learned_and_the_end_is_appended_once()
    {
        PreparedRows prepared = Prepare([new { prompt = "ab", completion = "cd" }, new { prompt = "ab", completion = "cd$" }]);
        Assert.True(prepared.CompletionOnly);
        Assert.All(prepared.Rows, row => Assert.Equal(("abcd$", "__cd$"), (CharacterEncoder.Text(row.InputIds), CharacterEncoder.Text(row.Labels))));
    }

    [Fact]
    public void Without_an_end_token_nothing_is_appended()
    {
        PreparedRows prepared = RowPreparation.Prepare(
            Dataset.FromRows([new { text = "ab" }]), new CharacterEncoder { EosToken = null }, new(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("ab", CharacterEncoder.Text(prepared.Rows[0].Labels));
    }

    [Fact]
    public void Chats_of_objects_and_of_json_are_the_same()
    {
        Assert.Equal("user:Hi;assistant:Yo;", Ids(new { messages = Chat }));
        Assert.Equal("user:Hi;assistant:Yo;", Ids(new { messages = JsonSerializer.SerializeToElement(Chat) }));
        Assert.Equal("user:Hi;", Ids(new { messages = new ChatMessage[] { new("user", "Hi") } }));
        Assert.Equal("user:Hi;", Ids(new { messages = new[] { new { Role = "user", Content = "Hi" } } }));
        Assert.Equal("user:Hi;", Ids(new { conversations = new[] { new { from = "user", value = "Hi" } } }));
        Assert.Equal("user:Hi;", Ids(new { conversations = new[] { new { role = "user", content = "Hi" } } }));
    }

    [Fact]
    public void Chats_need_a_template_and_the_assistants_words_its_marks()
    {
        Dataset data = Dataset.FromRows([new { messages = Chat }]);
        string Refused(IRowEncoder encoder, PreparationOptions options) => Assert.Throws<ArgumentException>(
            () => RowPreparation.Prepare(data, encoder, options, cancellationToken: TestContext.Current.CancellationToken)).Message;
        Assert.Contains("no chat template", Refused(new CharacterEncoder { HasChatTemplate = false }, new()), StringComparison.Ordinal);
        Assert.Contains("{% generation %}", Refused(new CharacterEncoder { MarksAssistant = false }, new() { AssistantOnlyLoss = true }), StringComparison.Ordinal);
    }

    [Fact]
    public void Tools_may_be_json_text()
    {
        Assert.Equal("[1]user:Hi;assistant:Yo;", Ids(new { messages = Chat, tools = "[1]" }));
        Assert.Equal("[1]{\"x\":2}user:Hi;assistant:Yo;", Ids(new { messages = Chat, tools = new[] { 1 }, chat_template_kwargs = new { x = 2 } }));
    }

    [Fact]
    public void Only_the_assistant_is_learned_where_asked()
    {
        var options = new PreparationOptions { AssistantOnlyLoss = true };
        Assert.Equal("__________________Yo;".Length, Prepare([new { messages = Chat }], options).Rows[0].Length);
        Assert.Equal("__________________Yo;", CharacterEncoder.Text(Prepare([new { messages = Chat }], options).Rows[0].Labels));
        Assert.Equal("__________________Yo;", CharacterEncoder.Text(Prepare([new { prompt = Chat[..1], completion = Chat[1..] }], options).Rows[0].Labels));
        Assert.Contains("row 1", Fails<InvalidDataException>([new { messages = Chat }, new { messages = Chat[..1] }], options), StringComparison.Ordinal);
        Assert.Contains("needs chats", Fails<ArgumentException>([new { text = "a" }], options), StringComparison.Ordinal);
        Assert.Contains("tokenised already", Fails<ArgumentException>([new { input_ids = new[] { 1 }, assistant_masks = new[] { 1 } }], options), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_do_not_fit_are_named()
    {
        Assert.Contains("have the columns 'q', 'a'", Fails<InvalidDataException>([new { q = "x", a = "y" }]), StringComparison.Ordinal);
        Assert.Contains("row 1 (the first is 0): The row has no column 'text'; it has 'q'", Fails<InvalidDataException>([new { text = "x" }, new { q = "x" }]), StringComparison.Ordinal);
        Assert.Contains("'labels' has 1 entries, 'input_ids' has 2", Fails<InvalidDataException>([new { input_ids = new[] { 1, 2 }, labels = new[] { 1 } }]), StringComparison.Ordinal);
        Assert.Contains("must be an array of messages", Fails<InvalidDataException>([new { messages = "hello" }]), StringComparison.Ordinal);
        Assert.Contains("row 1 (the first is 0): The column 'text' must hold text, but holds null", Fails<InvalidDataException>([new { text = "x" }, new { text = (string?)null }]), StringComparison.Ordinal);
        Assert.Contains("must hold text, but holds 5", Fails<InvalidDataException>([new { prompt = "x", completion = 5 }]), StringComparison.Ordinal);
        Assert.Contains("has no rows", Fails<InvalidDataException>([]), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        object[] rows = [new { text = "a" }];
        Fails<ArgumentException>(rows, new() { MaxLength = 0 });
        Fails<ArgumentException>(rows, new() { PadToMultipleOf = 0 });
        Fails<ArgumentException>(rows, new() { Packing = true, MaxLength = null });
        Fails<ArgumentException>(rows, new() { PaddingFree = true });
    }

    [Fact]
    public void Rows_without_anything_to_learn_are_dropped_and_counted()
    {
        PreparedRows prepared = Prepare([new { prompt = "abcd", completion = "e" }, new { prompt = "a", completion = "b" }], new() { MaxLength = 4 });
        Assert.Equal(["ab$"], prepared.Rows.Select(row => CharacterEncoder.Text(row.InputIds)));
        Assert.Equal(1, prepared.Dropped);
        Assert.Throws<InvalidDataException>(() => Prepare([new { prompt = "abcd", completion = "e" }], new() { MaxLength = 4 }).RequireRows());
    }

    [Fact]
    public void Shuffling_comes_before_packing_and_after_it()
    {
        object[] rows = [.. Enumerable.Range(0, 9).Select(i => (object)new { input_ids = new[] { i, i } })];
        int[] order = new Pcg64(7).Permutation(9);
        int[] bins = new Pcg64(7).Permutation(3);
        PreparedRows packed = Prepare(rows, new() { Packing = true, MaxLength = 6, ShuffleSeed = 7 });
        Assert.Equal(bins.Select(bin => order[3 * bin]), packed.Rows.Select(row => row.InputIds[0]));
        Assert.Equal(order, Prepare(rows, new() { ShuffleSeed = 7 }).Rows.Select(row => row.InputIds[0]));
    }

    [Fact]
    public void Preparing_can_be_cancelled_and_tells_its_progress()
    {
        Dataset data = Dataset.FromRows(Enumerable.Range(0, 700).Select(i => new { text = $"{i}" }));
        var seen = new List<int>();
        PreparedRows prepared = RowPreparation.Prepare(data, new CharacterEncoder(), new(), new() { Progress = new Reporter(seen.Add) }, TestContext.Current.CancellationToken);
        Assert.Equal(700, seen[^1]);
        Assert.Equal(Enumerable.Range(0, 700).Select(i => $"{i}$"), prepared.Rows.Select(row => CharacterEncoder.Text(row.InputIds)));
        Assert.Throws<OperationCanceledException>(() => RowPreparation.Prepare(data, new CharacterEncoder(), new(), cancellationToken: new CancellationToken(true)));
    }

    private static PreparedRows Prepare(object[] rows, PreparationOptions? options = null) =>
        RowPreparation.Prepare(Dataset.FromRows(rows), new CharacterEncoder(), options ?? new(), cancellationToken: TestContext.Current.CancellationToken);

    private static string Ids(object row) => CharacterEncoder.Text(Prepare([row]).Rows[0].InputIds);

    private static string Fails<T>(object[] rows, PreparationOptions? options = null)
        where T : Exception => Assert.Throws<T>(() => Prepare(rows, options)).Message;

    private sealed class Reporter(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
