namespace LoraSharp.Samples.Pretrain;

/// <summary>
/// Makes the corpus of the embedded model from the word lists: leaflets, lists, small stories, everyday texts, and short
/// questions with terse answers. The same seed gives the same corpus.
/// </summary>
/// <remarks>The answers are terse on purpose: the warm style of <c>patient-doctor.jsonl</c> is what fine-tuning has to teach.</remarks>
internal sealed class CorpusBuilder
{
    private static readonly string[] Women = ["Anna", "Maria", "Laura", "Emma", "Sarah", "Julia"];
    private static readonly string[] Men = ["Peter", "Tom", "Paul", "David", "Max", "Jan"];
    private static readonly string[] Helpers = ["A nurse", "The doctor", "The pharmacist", "A friend"];

    private static readonly string[] Backgrounds =
    [
        "I am a teacher.", "I am a nurse.", "I work in an office.", "I work in a garden.", "I work at night.", "I live alone.",
        "I have two children.", "I am a student.", "I do a lot of sport.", "I do not smoke.", "I smoke.", "I travel a lot.",
    ];

    private static readonly string[] Tails =
        ["What can I do?", "What helps?", "What should I do?", "What can help me?", "What is good for me?", "How can I get well?"];

    private static readonly string[] Periods =
        ["two days", "three days", "five days", "a week", "two weeks", "some days", "a month", "some weeks"];

    private static readonly string[] Starts =
        ["yesterday", "this morning", "last night", "two days ago", "three days ago", "a week ago", "last week", "some days ago"];

    private readonly Random random;

    private CorpusBuilder(int seed) => random = new Random(seed);

    /// <summary>All documents in random order, no two the same.</summary>
    public static IReadOnlyList<string> Build(int seed)
    {
        var builder = new CorpusBuilder(seed);
        var documents = new HashSet<string>();
        foreach (var topic in WordLists.Topics)
            builder.AddTopic(topic, documents);
        foreach (var subject in WordLists.Everyday)
            Repeat(60, () => documents.Add(builder.EverydayText(subject)));
        Repeat(800, () => documents.Add(builder.Letter()));
        var ordered = documents.ToArray();
        builder.random.Shuffle(ordered);
        return ordered;
    }

    private static void Repeat(int times, Action action)
    {
        for (int i = 0; i < times; i++)
            action();
    }

    // Many more combinations exist than are drawn: a small model that never sees a document twice learns to answer, not to recite.
    private void AddTopic(Topic topic, HashSet<string> documents)
    {
        Repeat(20, () => documents.Add(Leaflet(topic)));
        Repeat(4, () => documents.Add(TipList(topic)));
        Repeat(70, () => documents.Add(Dialogue(AskAndAnswer(topic))));
        Repeat(12, () => documents.Add(Dialogue(AskAboutAdvice(topic))));
        if (!topic.IsIllness)
            return;
        Repeat(8, () => documents.Add(Story(topic)));
        Repeat(12, () => documents.Add(Dialogue(AskForFact(topic))));
        Repeat(36, () => documents.Add(Dialogue(AskAboutSymptom(topic))));
        if (!topic.IsAboutChild)
            Repeat(4, () => documents.Add(Visit(topic)));
    }

    private string Dialogue((string Question, string Answer) pair) => Chance(0.65) ? PlainDialogue(pair) : ChatDialogue(pair);

    private static string PlainDialogue((string Question, string Answer) pair) => $"Question: {pair.Question}\nAnswer: {pair.Answer}";

    // As the tokenizer's chat template writes it. The last token also ends the document.
    private static string ChatDialogue((string Question, string Answer) pair) =>
        $"<|im_start|>user\n{pair.Question}<|im_end|>\n<|im_start|>assistant\n{pair.Answer}<|im_end|>";

    private (string Question, string Answer) AskAndAnswer(Topic topic)
    {
        if (topic.IsIllness && Chance(0.1))
            return ($"What helps with {Pick(topic["name"])}?", TerseAdvice(topic));
        string say = Pick(topic["say"]);
        if (say.EndsWith('?'))
            return (say, TerseAdvice(topic));
        if (topic.IsIllness && !topic.IsAboutChild && Chance(0.15))
        {
            string name = Pick(topic["name"]);
            say = Pick([$"I have {name}.", $"I think that I have {name}.", $"I have had {name} for {Pick(Periods)}."]);
        }

        var parts = new List<string> { say };
        // These sentences speak of the writer's own illness.
        if (topic.IsIllness && !topic.IsAboutChild)
        {
            if (Chance(0.25))
                parts.Insert(0, Chance(0.3) ? $"I am {random.Next(18, 85)} years old." : Pick(Backgrounds));
            if (Chance(0.2))
                parts.Add(Pick(topic["say"]));
            else if (Chance(0.3) && !HasTime(say))
                parts.Add(Chance(0.5) ? $"It started {Pick(Starts)}." : $"It has been like this for {Pick(Periods)}.");
        }

        parts = [.. parts.Distinct()];
        if (Chance(0.6) && !parts[^1].EndsWith('?'))
            parts.Add(topic.IsAboutChild ? Pick(["What can I do?", "What helps?", "What should I do?"]) : Pick(Tails));
        return (string.Join(' ', parts), TerseAdvice(topic));
    }

    private static bool HasTime(string say) =>
        new[] { "since", "have had", " for " }.Any(sign => say.Contains(sign, StringComparison.Ordinal));

    /// <summary>Yes-or-no questions, which tie the words of a topic to each other.</summary>
    private (string Question, string Answer) AskAboutAdvice(Topic topic)
    {
        string tip = Pick([.. topic["tip"].Where(tip => !tip.Split(' ').Contains("you"))]);
        string start = topic.IsIllness && !topic.IsAboutChild && Chance(0.6) ? $"I have {Pick(topic["name"])}. " : "";
        if (topic.IsIllness && topic["cause"].Length > 0 && Chance(0.4))
            return ($"Can {Pick(topic["cause"])} cause {Pick(topic["name"])}?", Pick(["Yes.", $"Yes. {Sentence(tip)}"]));
        return ($"{start}{Pick(["Should I", "Does it help to", "Is it good to"])} {InMyWords(tip)}?", $"Yes, {tip}.");
    }

    // "Rest your voice" becomes "rest my voice".
    private static string InMyWords(string advice) => advice.Replace("your ", "my ", StringComparison.Ordinal);

    private (string Question, string Answer) AskForFact(Topic topic)
    {
        string name = Pick(topic["name"]);
        return random.Next(4) switch
        {
            0 => ($"What is the cause of {name}?", Sentence(Either(Some(topic["cause"], 2)))),
            1 => ($"What should I avoid with {name}?", Sentence(List(Some(topic["avoid"], 2)))),
            2 => ($"When do I need a doctor with {name}?", $"If {Pick(topic["warn"])}."),
            _ => ($"What should I know about {name}?", Pick(topic["fact"])),
        };
    }

    /// <summary>Leads from what someone feels, without the illness's name, to its causes and to the signs to watch for.</summary>
    private (string Question, string Answer) AskAboutSymptom(Topic topic)
    {
        string say = Pick([.. topic["say"].Where(say => !say.EndsWith('?'))]);
        return random.Next(5) switch
        {
            0 => ($"{say} {Pick(["What is the cause?", "Why is that?", "Where does it come from?", "What can it be?"])}", Cause(topic["cause"], topic["tip"])),
            1 => ($"{say} {Pick(["When do I need a doctor?", "Should I worry?", "Do I need a doctor?"])}", Warning(Some(topic["warn"], 2))),
            2 => ($"{say} What should I avoid?", Sentence(List(Some(topic["avoid"], 2)))),
            3 => ($"{say} What does it mean?", Pick(topic["fact"])),
            _ => ($"{say} {Pick(["What is it?", "What is the cause and what helps?", "Why, and what can I do?"])}",
                $"The most likely cause is {Pick(topic["cause"])}, so {List(Some(topic["tip"], random.Next(1, 3)))}."),
        };
    }

    private string TerseAdvice(Topic topic)
    {
        string advice = Sentence(List(Some(topic["tip"], random.Next(1, 4))));
        return Chance(0.25) ? $"{advice} Avoid {Pick(topic["avoid"])}." : advice;
    }

    private string Leaflet(Topic topic)
    {
        var sentences = new List<string>();
        if (topic.IsIllness && Chance(0.4))
            sentences.Add(Pick([$"This text is about {Pick(topic["name"])}.", $"Many people know what it is like to have {Pick(topic["name"])}."]));
        sentences.AddRange(Some(topic["fact"], random.Next(1, 3)));
        if (topic["cause"].Length > 0)
            sentences.Add(Cause(topic["cause"], topic["tip"]));
        sentences.AddRange(Advice(Some(topic["tip"], topic["tip"].Length)));
        if (Chance(0.7))
            sentences.Add(Avoid(Some(topic["avoid"], 2)));
        if (Chance(0.8))
            sentences.Add(Warning(Some(topic["warn"], 2)));
        return $"{topic.Title}\n{string.Join(' ', sentences)}";
    }

    private string Cause(string[] causes, string[] tips)
    {
        var c = Some(causes, 2);
        return random.Next(6) switch
        {
            0 => $"The trouble often comes from {c[0]}.",
            1 => $"The cause is often {Either(c)}.",
            2 => $"{Sentence(c[0])[..^1]} can be the reason.",
            3 => $"The most likely cause is {c[0]}.",
            4 => $"The cause may be {Either(c)}, so it helps to {Pick(tips)}.",
            _ => $"{Sentence(c[0])[..^1]} is the most likely cause.".Replace("muscles is", "muscles are", StringComparison.Ordinal),
        };
    }

    private IEnumerable<string> Advice(string[] tips)
    {
        int used = 0;
        int wanted = Math.Min(tips.Length, random.Next(3, 6));
        while (used < wanted)
        {
            int left = wanted - used;
            var now = tips.AsSpan(used, Math.Min(left, random.Next(1, 4))).ToArray();
            used += now.Length;
            yield return now.Length switch
            {
                1 => Pick([$"It helps to {now[0]}.", $"{Sentence(now[0])}", $"It is good to {now[0]}.", $"You can also {now[0]}."]),
                2 => Pick([Sentence(List(now)), $"First {now[0]}, then {now[1]}.", $"It is best to {now[0]} and to {now[1]}."]),
                _ => Sentence(List(now)),
            };
        }
    }

    private string Avoid(string[] things) => random.Next(3) switch
    {
        0 => $"Avoid {List(things)}.",
        1 => $"Stay away from {things[0]}.",
        _ => $"{Sentence(things[0])[..^1]} can make it worse.",
    };

    private string Warning(string[] signs) => random.Next(5) switch
    {
        0 => $"See a doctor if {signs[0]}.",
        1 => $"Go to a doctor if {signs[0]} or if {signs[^1]}.",
        2 => $"A doctor should look at it if {signs[0]}.",
        3 => $"It is time to see a doctor at once if {signs[0]}.",
        _ => $"Call a doctor when {signs[0]}.",
    };

    private string TipList(Topic topic) =>
        $"{topic.Title}: what helps\n{string.Join('\n', Some(topic["tip"], 4).Select(tip => $"- {Sentence(tip)}"))}";

    private string Story(Topic topic)
    {
        bool woman = Chance(0.5);
        string who = Pick(woman ? Women : Men);
        string name = Pick(topic["name"]);
        string advice = Sentence(List(Some(topic["tip"], 2)));
        string helper = Pick(Helpers);
        if (topic.IsAboutChild)
        {
            string child = Pick(["son", "daughter", "child"]);
            return $"The {child} of {who} has {name}. {who} is worried. {helper} says: \"{advice}\" {Pick([
                $"Soon the {child} plays again.", $"The next day the {child} feels better.", $"{who} is happy about the help."])}";
        }

        string pronoun = woman ? "she" : "he";
        return $"{who} has {name}. {Pick([$"It started {Pick(Starts)}.", $"{who} is tired and stays at home.", $"{who} asks for help."])} "
            + $"{helper} says: \"{advice}\" {Pick([
                $"Some days later {pronoun} feels well again.", $"The next day {pronoun} feels better.", $"{who} is happy about the help."])}";
    }

    private string Visit(Topic topic) =>
        $"Patient: {Pick(topic["say"])}\nNurse: {Pick(["How long has it been like this?", "When did it start?"])}\n"
        + $"Patient: {Pick([$"For {Pick(Periods)}.", $"It started {Pick(Starts)}."])}\nNurse: {TerseAdvice(topic)}";

    private string EverydayText(Subject subject)
    {
        int count = random.Next(3, Math.Min(8, subject.Sentences.Count));
        var chosen = Enumerable.Range(0, subject.Sentences.Count).ToArray();
        random.Shuffle(chosen);
        return string.Join(' ', chosen.Take(count).Order().Select(index => subject.Sentences[index]));
    }

    /// <summary>A letter between friends: the polite words that a doctor will need, in a life without illness.</summary>
    private string Letter() =>
        $"Dear {Pick(Women)},\n{Pick(LetterPhrases.Openings)} {Pick(LetterPhrases.News)} {Pick(LetterPhrases.Requests)} "
        + $"{Pick(LetterPhrases.Wishes)}\nYour {Pick(Men)}";

    private bool Chance(double probability) => random.NextDouble() < probability;

    private string Pick(string[] choices) => choices[random.Next(choices.Length)];

    /// <summary>Up to <paramref name="count"/> different choices in random order.</summary>
    private string[] Some(string[] choices, int count)
    {
        var copy = (string[])choices.Clone();
        random.Shuffle(copy);
        return copy[..Math.Min(count, copy.Length)];
    }

    private static string List(string[] items) => Join(items, "and");

    private static string Either(string[] items) => Join(items, "or");

    private static string Join(string[] items, string last) =>
        items.Length == 1 ? items[0] : $"{string.Join(", ", items[..^1])} {last} {items[^1]}";

    private static string Sentence(string phrase) => $"{char.ToUpperInvariant(phrase[0])}{phrase.AsSpan(1)}.";
}
