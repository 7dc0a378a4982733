// Where one is in a list that is higher than a browser lets an element be: a million rows of 28 pixels are 28 million.
//
// The element gets a height that every browser allows. Small moves are exact to the pixel; a large one, which is somebody
// at the scrollbar, goes to the same share of the list as of the element. Afterwards the scrollbar is put where it belongs.

/** In pixels; Firefox ends before 17.9 million. */
const MOST = 8_000_000;

/** Moves of more than so many views are large. */
const LARGE = 2;

export class Scroll {
  /** The first pixel shown, of the whole list. */
  top = 0;
  /** The scrollbar's position that was last taken. */
  bar = 0;
  #whole = 0;
  #view = 0;

  /** Sets the height of the whole list, and of what is shown of it. */
  resize(whole, view) {
    this.#whole = whole;
    this.#view = view;
    this.top = this.#within(this.top);
  }

  /** The height of the element. */
  get height() {
    return Math.min(this.#whole, MOST);
  }

  /** Takes a new position of the scrollbar. */
  moved(bar) {
    const by = bar - this.bar;
    this.bar = bar;
    if (this.#whole <= MOST) this.top = bar;
    else if (Math.abs(by) <= LARGE * this.#view) this.top = this.#within(this.top + by);
    else this.top = this.#within(bar * this.#ratio);
  }

  /** Goes to a pixel of the whole list, and returns where the scrollbar belongs. */
  go(top) {
    this.top = this.#within(top);
    return this.settle();
  }

  /** Returns where the scrollbar belongs, without a move. Whoever sets it tells `bar` what it has become. */
  settle() {
    return this.#whole <= MOST ? this.top : this.top / this.#ratio;
  }

  /** Returns where a pixel of the whole list is in the element. */
  place(pixel) {
    return pixel - this.top + this.bar;
  }

  get #ratio() {
    return Math.max(1, this.#whole - this.#view) / Math.max(1, this.height - this.#view);
  }

  #within(top) {
    return Math.max(0, Math.min(top, this.#whole - this.#view));
  }
}
